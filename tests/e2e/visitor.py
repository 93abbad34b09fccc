"""A person at a browser, who notices what the page should not do: errors, strangers asked, scrolling sideways."""

from urllib.parse import urlsplit

from playwright.sync_api import Browser, ConsoleMessage, Page, Request, ViewportSize

PHONE: ViewportSize = {"width": 390, "height": 844}
SMALL_PHONE: ViewportSize = {"width": 320, "height": 640}
DESK: ViewportSize = {"width": 1280, "height": 800}

_PIXELS = """() => {
    const canvas = document.querySelector('canvas');
    if (canvas === null) return false;
    const { width, height } = canvas;
    const data = canvas.getContext('2d').getImageData(0, 0, width, height).data;
    const line = getComputedStyle(canvas).getPropertyValue('--chart-line').trim();
    const [red, green, blue] = [1, 3, 5].map((at) => parseInt(line.slice(at, at + 2), 16));
    const columns = Array.from({ length: width }, (_, x) => {
        let found = 0;
        for (let y = 0; y < height; y += 1) {
            const at = 4 * (y * width + x);
            const near = (k, wanted) => Math.abs(data[at + k] - wanted) < 24;
            if (data[at + 3] > 200 && near(0, red) && near(1, green) && near(2, blue)) found += 1;
        }
        return found;
    });
    return columns.some((found) => found > 0) && columns;
}"""


class Visitor:
    """One browser window.

    Args:
        browser: Chromium.
        url: Where the page is served.
        size: Of the window.
        dark: Whether the device prefers dark colours.
    """

    def __init__(self, browser: Browser, url: str, size: ViewportSize, *, dark: bool = False) -> None:
        self._url = url
        self._host = urlsplit(url).netloc
        self.complaints: list[str] = []
        self.context = browser.new_context(
            viewport=size, has_touch=size["width"] < 600, color_scheme="dark" if dark else "light"
        )
        self.page: Page = self.context.new_page()
        self.page.set_default_timeout(10_000)
        self.page.on("console", self._hear)
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("request", self._see)

    def open(self, path: str) -> None:
        """Go to an address of the page."""
        self.page.goto(self._url + path)

    def log_in(self, username: str, password: str) -> None:
        """Fill in the form and send it."""
        self.page.get_by_label("User name").fill(username)
        self.page.get_by_label("Password", exact=True).fill(password)
        self.page.get_by_role("button", name="Log in").click()

    def scrolls_sideways(self) -> bool:
        """Return whether the page is wider than the window."""
        wide: bool = self.page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth")
        return wide

    def line_by_column(self) -> list[int]:
        """Return for each column of the chart's canvas how many pixels have the line's colour, once there are any."""
        pixels: list[int] = self.page.wait_for_function(_PIXELS).json_value()
        return pixels

    def close(self) -> None:
        """Close the window."""
        self.context.close()

    def _hear(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self.complaints.append(message.text)

    def _see(self, request: Request) -> None:
        if urlsplit(request.url).netloc != self._host:
            self.complaints.append(f"asked a stranger: {request.url}")
