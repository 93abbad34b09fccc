"""Whether words stand out from their ground, by WCAG 2.1, success criterion 1.4.3 (AA)."""

from playwright.sync_api import Page

_FAINT = """() => {
    const parse = (colour) => (colour.match(/[\\d.]+/g) ?? []).map(Number);
    const linear = (c) => (c / 255 <= 0.03928 ? c / 255 / 12.92 : ((c / 255 + 0.055) / 1.055) ** 2.4);
    const luminance = ([r, g, b]) => 0.2126 * linear(r) + 0.7152 * linear(g) + 0.0722 * linear(b);
    const ratio = (a, b) => {
        const [low, high] = [luminance(a), luminance(b)].sort((x, y) => x - y);
        return (high + 0.05) / (low + 0.05);
    };
    // A striped ground counts with each of its colours.
    const grounds = (element) => {
        for (let at = element; at; at = at.parentElement) {
            const style = getComputedStyle(at);
            const stripes = style.backgroundImage.match(/rgba?\\([^)]*\\)/g);
            if (stripes) return stripes.map(parse);
            const ground = parse(style.backgroundColor);
            if (ground.length === 3 || ground[3] === 1) return [ground];
        }
        return [[255, 255, 255]];
    };
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    const faint = [];
    for (let node = walker.nextNode(); node; node = walker.nextNode()) {
        const element = node.parentElement;
        const box = element.getBoundingClientRect();
        if (!node.data.trim() || box.width < 2 || box.height < 2 || box.right < 0) continue;
        const style = getComputedStyle(element);
        const size = parseFloat(style.fontSize);
        const large = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700);
        const least = Math.min(...grounds(element).map((ground) => ratio(parse(style.color), ground)));
        if (least < (large ? 3 : 4.5)) faint.push(`${node.data.trim()} (${least.toFixed(2)})`);
    }
    return faint;
}"""


def faint_words(page: Page) -> list[str]:
    """Return the words on the page whose contrast is too low, with their ratio."""
    found: list[str] = page.evaluate(_FAINT)
    return found
