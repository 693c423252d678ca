"""What the command line refuses: said in one line, without a traceback."""


class UserError(Exception):
    """Wrong input: the message names the value and what is allowed. Exit code 2."""


class StackError(Exception):
    """The stack did not come up, or ended by itself: the message quotes the process to blame. Exit code 1."""
