"""Call the handlers of a tab without a browser."""

from types import SimpleNamespace

VISITOR = SimpleNamespace(session_hash="visitor", cookies={})


class TabHandlers:
    """The handlers of one tab by name; what they change is found by the components' ids in the page."""

    def __init__(self, demo, own=None):
        """Find the handlers; where several parts have one of a name, those of the class ``own`` come first."""
        functions = [function.fn for function in demo.fns.values() if function.fn is not None]
        owner = next((fn.__self__ for fn in functions if own and fn.__qualname__.startswith(f"{own}.")), None)
        first = {id(owner), id(getattr(owner, "controls", None))}
        functions.sort(key=lambda fn: id(getattr(fn, "__self__", fn)) not in first)
        self.handlers = {}
        for function in functions:
            self.handlers.setdefault(function.__name__, function)
            self.handlers.setdefault(function.__qualname__, function)

    def __call__(self, name, *arguments, request=VISITOR):
        """Return a handler's updates, or an iterator of them."""
        return self.handlers[name](*arguments, request)

    def components_of(self, name):
        """Return the components that a handler changes, by the attributes of their class."""
        return self.handlers[name].__self__._components


def values(updates):
    """Return what each component becomes, by its id in the page; an update of its properties is a dict."""
    return {component.elem_id: update for component, update in updates.items()}


def all_values(steps):
    """Return what each component is in the end of many steps."""
    return {key: value for updates in steps for key, value in values(updates).items()}
