"""Why a file is not taken, each with what to do about it."""

from server.errors import Invalid, TooLarge, Unsupported


class NotAPicture(Unsupported):
    """The bytes are something else than a picture that browsers draw."""


class BrokenPicture(Invalid):
    """It begins like a picture, but cannot be drawn to its end."""

    sentence = "This picture is damaged or incomplete. Save it again with a picture program and try once more."

    def __init__(self, reason: str) -> None:
        """`reason` is for the log and for developers; the person gets the sentence."""
        super().__init__(sentence=self.sentence)
        self.reason = reason


class FileTooLarge(TooLarge):
    """More bytes than an upload may have."""

    def __init__(self, max_bytes: int) -> None:
        """Say the limit in the unit people know."""
        size = f"{max_bytes / 1024**2:.1f}".removesuffix(".0")
        super().__init__(f"This file is larger than {size} MB. Make the picture smaller and try again.")


class TooManyPixels(TooLarge):
    """It would take too much memory or time to draw, however few bytes it has."""

    def __init__(self, max_pixels: int, *, animated: bool = False) -> None:
        """Say the limit in the unit people know."""
        size = f"{max_pixels / 1e6:.1f}".removesuffix(".0")
        whole = f"This animation has more than {size} megapixels in all its frames together. Shorten it or make it"
        still = f"This picture has more than {size} megapixels. Make it"
        super().__init__(f"{whole if animated else still} smaller and try again.")
