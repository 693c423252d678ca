"""/ws/cam: pictures down, one credit (a byte: the camera's number) up for each that the page wants next.

A picture is a header of 24 bytes, little-endian: version 1, number of the camera, two bytes of nothing,
uint32 sequence, float64 stamp of its source [s, ROS time], float32 age when it was sent [s], float32 nothing;
then JPEG.
"""

import asyncio
import struct
from contextlib import suppress

from aiohttp import WSMsgType, web

from drift_console_node.borders import now_s
from drift_console_node.context import CONTEXT, Context
from drift_console_node.exchange import Frame

HEADER = struct.Struct("<BBHIdff")
VERSION = 1
_CREDITS = 2  # at most, of one camera
_SEND_S = 5.0
_GOING_AWAY = 1001
VIEWERS: web.AppKey[set["Viewer"]] = web.AppKey("viewers", set)


def add(router: web.UrlDispatcher) -> None:
    """Serve the pictures."""
    router.add_get("/ws/cam", _cameras)


def pack(camera: int, frame: Frame, sent_s: float) -> bytes:
    """Return a picture as it is sent at steady time `sent_s`."""
    age_s = frame.age_s + sent_s - frame.ready_s
    return HEADER.pack(VERSION, camera, 0, frame.sequence, frame.stamp_s, age_s, 0.0) + frame.jpeg


async def watch(app: web.Application) -> None:
    """Hand each new picture to who waits for it, for ever; say which cameras are looked at."""
    context = app[CONTEXT]
    loop = asyncio.get_running_loop()
    viewers = app[VIEWERS]

    def wake() -> None:
        for viewer in viewers:
            viewer.due.set()

    def on_frame(camera: str) -> None:
        loop.call_soon_threadsafe(wake)

    context.exchange.on_frame = on_frame
    while True:
        wanted = {context.cameras[i] for viewer in viewers for i in viewer.wants(now_s())}
        context.exchange.look_at(frozenset(wanted))
        await asyncio.sleep(0.1)


async def begin(app: web.Application) -> None:
    """Make room for viewers."""
    app[VIEWERS] = set()


async def _cameras(request: web.Request) -> web.StreamResponse:
    context, viewers = request.app[CONTEXT], request.app[VIEWERS]
    if len(viewers) >= 32:
        raise web.HTTPServiceUnavailable(text="32 pages look already")
    socket = web.WebSocketResponse(max_msg_size=64, compress=False)
    await socket.prepare(request)
    viewer = Viewer(context, request, socket)
    viewers.add(viewer)
    sender = asyncio.create_task(viewer.send_all())
    try:
        async for message in socket:
            if message.type is not WSMsgType.BINARY or not viewer.credit(message.data):
                await socket.close(code=1008, message=b"not allowed")
                break
    finally:
        viewers.discard(viewer)
        sender.cancel()
        with suppress(asyncio.CancelledError):
            await sender
    return socket


class Viewer:
    """One page that looks: what it may be sent, and what it has."""

    def __init__(self, context: Context, request: web.Request, socket: web.WebSocketResponse) -> None:
        self._context, self._request, self._socket = context, request, socket
        self._credits = [0] * len(context.cameras)
        self._sent = [-1] * len(context.cameras)
        self._asked_s = [float("-inf")] * len(context.cameras)
        self.due = asyncio.Event()

    def credit(self, cameras: bytes) -> bool:
        """Take note that the page wants one more picture of each of these cameras."""
        for camera in cameras:
            if camera >= len(self._credits):
                return False
            self._credits[camera] = min(self._credits[camera] + 1, _CREDITS)
            self._asked_s[camera] = now_s()
        self.due.set()
        return True

    def wants(self, at_s: float) -> list[int]:
        """Return the cameras that it looks at: it waits for a picture, or has just got one."""
        return [i for i, asked_s in enumerate(self._asked_s) if self._credits[i] or at_s - asked_s < 1.0]

    async def close(self) -> None:
        """Tell the page that the console ends."""
        await self._socket.close(code=_GOING_AWAY)

    async def send_all(self) -> None:
        """Send the newest picture of each camera for which there is credit, until one is not taken."""
        try:
            while True:
                await self.due.wait()
                self.due.clear()
                for camera, name in enumerate(self._context.cameras):
                    frame = self._context.exchange.frame(name)
                    if frame is not None and self._credits[camera] and frame.sequence != self._sent[camera]:
                        self._credits[camera] -= 1
                        self._sent[camera] = frame.sequence
                        data = pack(camera, frame, now_s())
                        await asyncio.wait_for(self._socket.send_bytes(data), _SEND_S)
        except (TimeoutError, ConnectionError):
            if self._request.transport is not None:
                self._request.transport.abort()  # the page opens another one
