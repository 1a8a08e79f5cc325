"""The transcript of a session: each line as a PITrail event, with what belongs to a login masked.

Masking follows the protocol and not the words: after AUTH or a challenge everything that the client
says, and what the server says in a challenge, is masked until the server ends the exchange with
another code (RFC 4954 section 4). Known secrets are masked besides, wherever a server repeats them.
Only where the caller switched MaskSensitive off do listeners see lines as they are; what goes on
from here into errors is masked all the same. Content never comes here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from gpgmail.core.events import Direction, PITrail
from gpgmail.core.secret import MASK
from gpgmail.transport.replies import decoded

if TYPE_CHECKING:
    from gpgmail.core.run import Run
    from gpgmail.transport.dialogue import DialogueOptions

_CHALLENGE = b"334"
_COMMAND_AND_MECHANISM = 2


class Transcript:
    """The lines of one session, told to the listeners of a Run."""

    def __init__(self, run: Run, options: DialogueOptions) -> None:
        self.run = run
        self._options = options
        self._logging_in = False

    def client(self, line: bytes) -> str:
        """Tell a command that is about to be sent; return it masked."""
        said = shown = decoded(line.rstrip(b"\r\n"))
        words = line.split()
        if self._logging_in:
            shown = MASK
        elif words and words[0].upper() == b"AUTH":
            self._logging_in = True
            rest = [MASK] if len(words) > _COMMAND_AND_MECHANISM else []
            shown = " ".join([*map(decoded, words[:_COMMAND_AND_MECHANISM]), *rest])
        self._tell(Direction.CLIENT, shown, said)
        return shown

    def server(self, line: bytes) -> None:
        """Tell a line that the server said."""
        said = shown = decoded(line)
        self._logging_in = line.startswith(_CHALLENGE)
        if self._logging_in:
            shown = f"{_CHALLENGE.decode()} {MASK}"
        self._tell(Direction.SERVER, shown, said)

    def info(self, text: str) -> None:
        """Tell what neither side said."""
        self._tell(Direction.INFO, text, text)

    def _tell(self, direction: Direction, shown: str, said: str) -> None:
        masked = self._options.mask_sensitive
        self.run.emit(PITrail(direction, self.run.redactor.clean(shown) if masked else said))
