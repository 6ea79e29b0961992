"""What axe says against a page: the rules that every page is held against."""

from typing import Any

from playwright.async_api import Page

from tests.running import ROOT

_AXE = ROOT / "static" / "node_modules" / "axe-core" / "axe.min.js"
_TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
# Not among the tags: experimental, and worth it.
_ALSO = {"label-content-name-mismatch": {"enabled": True}}
_FEWEST_PASSED = 10


async def faults(page: Page, *places: str) -> list[str]:
    """Return what axe finds on a page, or in places of it, by their selectors.

    Where the page's policy keeps scripts out, it must be set aside, or axe added as the page begins: see `bring`.
    """
    if not await page.evaluate("() => 'axe' in window"):
        await page.evaluate(_AXE.read_text(encoding="utf-8"))
    found: dict[str, Any] = await page.evaluate(
        """async ([places, tags, rules]) => {
            // What is half below a sticky header would count as too small a target, wherever the page happens to be.
            const before = scrollY;
            scrollTo(0, 0);
            const where = places.length ? {include: places} : document;
            const {violations, passes} = await axe.run(where, {runOnly: tags, rules});
            const told = violations.map(({id, nodes}) =>
                `${id}: ${nodes.map(node => `${node.html} ${node.failureSummary}`).join(" ")}`);
            scrollTo(0, before);
            return {passed: passes.length, told};
        }""",
        [list(places), _TAGS, _ALSO],
    )
    assert found["passed"] > _FEWEST_PASSED, "axe has looked at next to nothing"
    return [str(each) for each in found["told"]]


async def bring(page: Page) -> None:
    """Let every page that is opened from now on have axe, also under a policy that keeps scripts out."""
    await page.context.add_init_script(path=_AXE)
