"""StackClient on nodes that somebody else spins, and against servers that die."""

import subprocess
import sys
import threading
import time

import pytest
from drift_interfaces.action import RunEpisode, Train
from drift_interfaces.msg import ArmState, GateState
from drift_interfaces.srv import ResetTask
from drift_ros import qos
from drift_ros.errors import SessionError
from drift_ros.goal_server import GoalServer
from drift_ros.session import SessionClient
from drift_ros.stack_client import StackClient
from rclpy.executors import MultiThreadedExecutor, SingleThreadedExecutor
from rclpy.node import Node
from std_srvs.srv import Trigger

SERVER = """
import rclpy
from drift_interfaces.action import RunEpisode
from drift_ros.goal_server import GoalServer
from rclpy.node import Node
rclpy.init()
node = Node("trainer")
server = GoalServer(node, RunEpisode, "trainer/run_episode", lambda goal: None, lambda: None)
node.create_timer(0.05, lambda: server.feedback(RunEpisode.Feedback(elapsed_s=1.0)))
rclpy.spin(node)
"""

POLICY = """
import rclpy
from drift_interfaces.msg import PolicyState
from drift_interfaces.srv import LoadCheckpoint
from drift_ros import qos
from rclpy.callback_groups import MutuallyExclusiveCallbackGroup
from rclpy.node import Node
from rclpy.task import Future
rclpy.init()
node = Node("policy")
states = node.create_publisher(PolicyState, "policy/state", qos.LATCHED)
node.create_timer(1.0, lambda: states.publish(PolicyState()))
async def load(request, response):
    return await Future()
waiting = MutuallyExclusiveCallbackGroup()
node.create_service(LoadCheckpoint, "policy/load_checkpoint", load, callback_group=waiting)
rclpy.spin(node)
"""


class FakeTrainer(Node):
    """An episode takes 10 ticks of 20 ms, a training 20; both say their tick."""

    def __init__(self):
        super().__init__("trainer")
        self._ticks = {"episode": 0, "training": 0}
        self._episodes = self._server(RunEpisode, "run_episode", "episode")
        self._trainings = self._server(Train, "train", "training")
        self._gate = self.create_publisher(GateState, "gate/state", qos.LATCHED)
        self._gate.publish(GateState(text="not armed"))
        self.create_service(Trigger, "gate/stop", self._on_stop)
        self.create_timer(0.02, self._on_tick)

    def _server(self, kind, name, what):
        def begin(goal):
            self._ticks[what] = 0

        return GoalServer(self, kind, f"trainer/{name}", begin, lambda: None)

    def _on_stop(self, request, response):
        response.success, response.message = True, "stopped"
        return response

    def _on_tick(self):
        if self._episodes.active:
            self._ticks["episode"] += 1
            self._episodes.feedback(RunEpisode.Feedback(elapsed_s=float(self._ticks["episode"])))
            if self._ticks["episode"] == 10:
                self._episodes.finish(RunEpisode.Result(outcome=1, episode_id="first"))
        if self._trainings.active:
            self._ticks["training"] += 1
            self._trainings.feedback(Train.Feedback(step=self._ticks["training"]))
            if self._ticks["training"] == 20:
                self._trainings.finish(Train.Result(version=3))


class LateSimulation(Node):
    """Says once that it is there; its service comes later."""

    def __init__(self):
        super().__init__("sim")
        self._arm_state = self.create_publisher(ArmState, "arm_state", qos.LATCHED)
        self._arm_state.publish(ArmState(ready=True))

    def serve(self):
        self.create_service(ResetTask, "sim/reset", lambda request, response: response)


class Console(Node):
    """A node with a client: everything is asked for in callbacks, nothing is waited for."""

    def __init__(self):
        super().__init__("console")
        names = ("trainer/run_episode", "trainer/train", "gate/stop", "gate/state")
        self.stack = StackClient(self, names)
        self.happened, self.threads, self.over = [], set(), threading.Event()
        self._begin = self.create_timer(0.05, self._on_begin)

    def _on_begin(self):
        if self.stack.missing():
            return
        self._begin.cancel()
        episode = self.stack.run_episode(RunEpisode.Goal.EVALUATION, seed=1, on_feedback=self._on_feedback)
        episode.add_done_callback(lambda done: self._on_end("episode", done.result().episode_id))
        training = self.stack.train("online", on_feedback=self._on_feedback)
        training.add_done_callback(lambda done: self._on_end("training", done.result().version))

    def _on_feedback(self, feedback):
        self.happened.append(type(feedback).__qualname__)

    def _on_end(self, what, value):
        self.happened.append((what, value))
        if what == "training":
            self.stack.stop().add_done_callback(self._on_stopped)

    def _on_stopped(self, done):
        self.happened.append(done.result())
        self.over.set()


@pytest.mark.parametrize("executor_type", [SingleThreadedExecutor, MultiThreadedExecutor])
def test_a_node_runs_an_episode_and_a_training_at_the_same_time_from_its_callbacks(ros, executor_type):
    executor, nodes = executor_type(), [FakeTrainer(), Console()]
    for node in nodes:
        executor.add_node(node)
    thread = threading.Thread(target=executor.spin)
    thread.start()
    console = nodes[1]
    ended = console.over.wait(20.0)
    console.stack.close()
    executor.shutdown()
    thread.join(timeout=5.0)
    for node in nodes:
        node.destroy_node()
    assert ended, console.happened
    happened = console.happened
    assert happened[-2:] == [("training", 3), "stopped"]
    trained_before = happened[: happened.index(("episode", "first"))].count("Train_Feedback")
    assert 0 < trained_before < 20  # beside each other
    assert console.stack.gate_state.text == "not armed"
    assert 0.0 < console.stack.age_s("gate/state") < 30.0
    assert console.stack.age_s("policy/state") is None


def test_only_what_the_stack_has_can_be_asked_for(ros):
    node = Node("console")
    with pytest.raises(SessionError, match="gate/fly must be among gate/arm, gate/stop"):
        StackClient(node, ("gate/arm", "gate/fly"))
    node.destroy_node()


def test_a_service_is_not_called_before_its_server_is_known_to_hear_of_the_client(ros):
    """A server that answers a client which it has not discovered throws the answer away."""
    asked = []

    def stop(request, response):
        asked.append(request)
        response.success = True
        return response

    gate, console, executor = Node("gate"), Node("console"), SingleThreadedExecutor()
    for node in (gate, console):
        executor.add_node(node)
    gate.create_service(Trigger, "gate/stop", stop)
    stack = StackClient(console, ["gate/stop"])

    def spin_until(condition, limit_s):
        end_s = time.monotonic() + limit_s
        while not condition() and time.monotonic() < end_s:
            executor.spin_once(timeout_sec=0.05)
        return condition()

    assert spin_until(stack._services["gate/stop"].service_is_ready, 10.0)
    stopping = stack.stop()
    assert not spin_until(lambda: asked or stopping.done, 1.0) and stack.missing() == ["gate/stop"]
    state = gate.create_publisher(GateState, "gate/state", qos.LATCHED)
    state.publish(GateState())  # what comes to the console, comes from a process that has discovered it
    assert spin_until(lambda: stopping.done, 3.0) and len(asked) == 1
    assert stopping.error is None and stack.missing() == []
    executor.shutdown()
    for node in (gate, console):
        node.destroy_node()


@pytest.fixture
def servers():
    """Start servers as processes; they are killed in the end."""
    processes = []

    def start(program=SERVER):
        processes.append(subprocess.Popen([sys.executable, "-c", program]))
        return processes[-1]

    yield start
    for process in processes:
        process.kill()
        process.wait()


@pytest.mark.parametrize("restarted", [False, True])
def test_the_death_of_a_server_ends_its_goal_within_five_seconds(servers, restarted):
    server, feedback = servers(), []
    with SessionClient() as session:
        session.wait_for_servers("trainer/run_episode", limit_s=30.0)
        episode = session.stack.run_episode(RunEpisode.Goal.EVALUATION, 1, feedback.append)
        session.wait_until(lambda: feedback, 10.0, "the episode to run")
        session.spin(5.0)  # longer than a goal may be silent: it is heard of
        assert not episode.done
        server.kill()
        server.wait()
        killed_s = time.monotonic()
        if restarted:
            servers()
        with pytest.raises(SessionError, match="trainer/run_episode: its server has died or was restarted"):
            session.wait(episode)
        assert time.monotonic() - killed_s < 5.0
        if not restarted:  # the graph shows it for 20 s
            assert session.stack.missing("trainer/run_episode") == ["trainer/run_episode"]
        else:  # the new one takes goals as before
            session.wait_for_servers("trainer/run_episode", limit_s=30.0)
            feedback.clear()
            again = session.stack.run_episode(RunEpisode.Goal.EVALUATION, 2, feedback.append)
            session.wait_until(lambda: feedback or again.done, 10.0, "the next episode to run")
            assert feedback and not again.done, again.error


@pytest.mark.parametrize("restarted", [False, True])
def test_the_death_of_the_policy_ends_a_call_within_five_seconds(servers, restarted):
    server = servers(POLICY)
    with SessionClient() as session:
        session.wait_for_servers("policy/load_checkpoint", limit_s=30.0)
        session.wait_until(lambda: session.policy_state, 10.0, "policy/state")
        loading = session.stack.load_checkpoint("policy_000002.safetensors")
        session.spin(5.0)  # a load takes its time: the policy says that it lives
        assert not loading.done, loading.error
        server.kill()
        server.wait()
        killed_s = time.monotonic()
        if restarted:
            servers(POLICY)
        with pytest.raises(
            SessionError, match="policy/load_checkpoint: its server has died or was restarted"
        ):
            session.wait(loading)
        assert time.monotonic() - killed_s < 5.0


def test_an_interrupt_is_not_replaced_by_a_cancellation_that_nobody_answers(servers):
    server = servers()

    def interrupt(feedback):
        server.kill()
        raise KeyboardInterrupt

    with SessionClient() as session:
        session.wait_for_servers("trainer/run_episode", limit_s=30.0)
        with pytest.raises(KeyboardInterrupt):
            session.run_episode(RunEpisode.Goal.EVALUATION, 1, interrupt)


def test_a_server_that_was_heard_before_its_service_was_found_is_not_waited_for_in_vain(ros):
    sim, executor, words = LateSimulation(), SingleThreadedExecutor(), []
    with SessionClient() as session:
        # made after the client's own reader, so that what comes here has come there
        session.node.create_subscription(ArmState, "arm_state", words.append, qos.LATCHED)
        session.wait_until(
            lambda: session.stack.missing("sim/reset") == ["sim/reset"] and bool(words), 10.0, "its word"
        )
        assert session.stack.missing("sim/reset") == ["sim/reset"]  # looked at once more, after the word
        sim.serve()
        executor.add_node(sim)
        session.wait_until(lambda: not session.stack.missing("sim/reset"), 10.0, "sim/reset")
    executor.shutdown()
    sim.destroy_node()
