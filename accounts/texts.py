"""What people write in forms, as it is measured and kept."""


def plain_lines(text: str) -> str:
    """Return a text with plain line ends, and nothing blank before or after it.

    A browser counts a line break as one character against a field's `maxlength`, and sends two (CR and LF). None sends
    the character U+0000, which PostgreSQL can't store: it is left out.
    """
    return text.replace("\0", "").replace("\r\n", "\n").replace("\r", "\n").strip()
