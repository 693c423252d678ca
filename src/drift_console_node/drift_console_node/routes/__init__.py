"""What the server answers: one module for each thing, entered here.

A module gives `add(router)`, which adds its routes. A handler finds the console as `request.app[CONTEXT]`,
who asks as `request[ROLE]`, and calls `need_driver(request)` where looking is not enough. Host, Origin,
cookie and body size were checked before.
"""

from drift_console_node.routes import cameras, control, episodes, learning, login, page, pairs, stop

MODULES = (page, login, control, stop, cameras, episodes, pairs, learning)
