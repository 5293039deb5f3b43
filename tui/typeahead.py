"""Keys typed faster than a line can open go into that line.

Textual hands a key to whoever has the focus when it arrives. In `:wq` typed fast, pasted, or sent
late by a slow link, `w` and `q` would so reach the list, where they are commands: save, quit. Here
a key comes back to the app after the old owner had no use for it; when a line for text got the
focus meanwhile, the key starts over there.

It needs that whoever opens a line waits for it to be mounted, and that the line takes the focus
with `screen.set_focus`, at once; `Widget.focus` does it some messages later.
"""

from __future__ import annotations

from textual import events
from textual.app import App
from textual.widgets import Input, TextArea

from tui.widgets.statusline import StatusLine


class TypeAheadApp(App[int]):
    """An app that loses no key between a command and the line it opens."""

    async def on_event(self, event: events.Event) -> None:
        """Notes on each new key who gets it."""
        if isinstance(event, events.Key) and not event.is_forwarded:
            setattr(event, "first_owner", self.focused)  # noqa: B010 - no field of Textual's
        await super().on_event(event)

    async def on_key(self, event: events.Key) -> None:
        """A key nobody used: to the line that opened since, else to the bindings as usual."""
        now = self.focused
        late = now is not getattr(event, "first_owner", now)
        if late and isinstance(now, Input | TextArea | StatusLine):
            event.prevent_default()
            again = events.Key(event.key, event.character)
            setattr(again, "first_owner", now)  # noqa: B010
            now._forward_event(again)
