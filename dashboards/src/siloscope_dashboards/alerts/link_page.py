"""GET and POST /a/{token}: what a message's link leads to, without a login.

A GET shows what is about to be done and one button: mail scanners and previews follow links, and must not act.
"""

from html import escape

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from siloscope_dashboards.alerts.models import LinkedAlert
from siloscope_dashboards.errors import NotFound
from siloscope_dashboards.wiring import AlertsPort

router = APIRouter(tags=["links"])
_WORDS = {
    "en": {
        "acknowledge": "Acknowledge",
        "snooze": "Snooze for {hours} h",
        "done_acknowledge": "Acknowledged by {by}.",
        "done_snooze": "Snoozed.",
        "over": "This alert is over: there is nothing left to do.",
        "together": "With {count} alerts of the same cause.",
    },
    "uk": {
        "acknowledge": "Підтвердити",
        "snooze": "Відкласти на {hours} год",
        "done_acknowledge": "Підтверджено: {by}.",
        "done_snooze": "Відкладено.",
        "over": "Ця тривога вже минула: робити нічого не треба.",
        "together": "Разом тривог з тієї самої причини: {count}.",
    },
}
# The page's own policy allows no style sheet in the text; attributes it does.
_PAGE = """<!doctype html>
<html lang="{language}"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<meta name="robots" content="noindex"><title>{title}</title></head>
<body style="font:1.1rem/1.5 system-ui,sans-serif;max-width:34rem;margin:2rem auto;padding:0 1rem">
<h1 style="font-size:1.4rem">{title}</h1>
<p>{where}</p>
{more}
{action}
</body></html>
"""
_BUTTON = """<form method="post"><button style="font:inherit;padding:.8rem 1.6rem;width:100%">{label}</button></form>"""


@router.get("/a/{token}", response_class=HTMLResponse)
async def show_link(token: str, request: Request, alerts: AlertsPort) -> HTMLResponse:
    """Show what the link would do, with one button; nothing is done yet."""
    return _page(request, await alerts.linked(token))


@router.post("/a/{token}", response_class=HTMLResponse)
async def follow_link(token: str, request: Request, alerts: AlertsPort) -> HTMLResponse:
    """Do what the link says; doing it twice is doing it once."""
    return _page(request, await alerts.follow(token))


def _page(request: Request, found: LinkedAlert | None) -> HTMLResponse:
    if found is None:
        raise NotFound("link that works any more here:", "it has run out, or was never given; open the alert itself")
    language = "uk" if request.headers.get("accept-language", "").lower().startswith("uk") else "en"
    words = _WORDS[language]
    if found.over:
        action = f"<p>{words['over']}</p>"
    elif found.done:
        action = f"<p>{escape(words[f'done_{found.deed}'].format(by=found.done_by or ''))}</p>"
    else:
        action = _BUTTON.format(label=words[found.deed].format(hours=f"{found.snooze_s / 3600:g}"))
    more = f"<p>{words['together'].format(count=found.alerts)}</p>" if found.alerts > 1 else ""
    where = " · ".join(escape(part) for part in (found.organisation, found.site, found.place) if part)
    text = _PAGE.format(language=language, title=escape(found.rule_name), where=where, more=more, action=action)
    return HTMLResponse(text, headers={"Referrer-Policy": "no-referrer"})
