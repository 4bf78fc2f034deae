"""What the page's address says: the tab that is open, and what is shown in it, so that a link shows the same."""

from collections.abc import Mapping
from urllib.parse import parse_qsl, urlencode

import gradio as gr

from mote_demo.ui.shared.events import QUICK

TAB = "tab"
_LONGEST = 2000  # characters; servers and chats cut off longer addresses
LONGEST_ADDRESS = 2 * _LONGEST
"""What is read of an address; nobody was given a longer one."""
OPEN_SCRIPT = """
() => {
  const links = {};
  const asked = () => new URLSearchParams(location.search).get("tab");
  const buttons = document.querySelector("[role=tablist]");
  const open = () => document.querySelector("[role=tab][aria-selected=true]")?.dataset.tabId;
  const address = (tab) => `?tab=${tab}${links[tab] ? "&" + links[tab] : ""}`;
  const first = open();
  // What a tab shows changed: the address follows, without a step for the Back button.
  window.moteShows = (tab, link) => {
    links[tab] = link;
    if (tab === open()) history.replaceState(null, "", address(tab));
  };
  // Another tab was opened: a step for the Back button, unless that is how it was opened.
  new MutationObserver(() => {
    if (open() && open() !== (asked() ?? first)) history.pushState(null, "", address(open()));
  }).observe(buttons ?? document.body, { subtree: true, attributes: true, attributeFilter: ["aria-selected"] });
  // On a phone the last tabs are in a menu, by their titles alone.
  const listed = (tab) => (one) => one.textContent.trim().toLowerCase() === tab;
  const button = (tab) =>
    document.querySelector(`[role=tab][data-tab-id="${tab}"]`) ??
    [...document.querySelectorAll(".overflow-dropdown button")].find(listed(tab));
  addEventListener("popstate", () => button(asked() ?? first)?.click());
  let visitor = sessionStorage.getItem("mote-visitor");
  if (!visitor) {
    visitor = [...crypto.getRandomValues(new Uint8Array(16))].map((one) => one.toString(16).padStart(2, "0")).join("");
    sessionStorage.setItem("mote-visitor", visitor);
  }
  return [visitor, location.search];
}
"""
"""Runs when the page opens; gives the visitor's key, which a reload keeps, and what stands behind the address's ?."""

_COPY_SCRIPT = """
() => {
  const button = document.activeElement?.closest("button");
  const say = (words) => {
    if (!button) return;
    const before = button.textContent;
    button.textContent = words;
    setTimeout(() => (button.textContent = before), 1500);
  };
  // Without https a browser offers no clipboard: then the address is there to be copied by hand.
  const copied = navigator.clipboard?.writeText(location.href) ?? Promise.reject();
  copied.then(() => say("Copied"), () => prompt("Copy this link:", location.href));
}
"""


def read_address(search: str | None, tab: str) -> dict[str, str]:
    """Return what an address asks of a tab, by name; nothing where it is for another tab."""
    asked = dict(parse_qsl((search or "").removeprefix("?")[:LONGEST_ADDRESS]))
    return asked if asked.pop(TAB, tab) == tab else {}


def tab_of(search: str | None) -> str | None:
    """Return the tab that an address opens, None where it names none."""
    return dict(parse_qsl((search or "").removeprefix("?"))).get(TAB)


def write_address(values: Mapping[str, object]) -> str:
    """Return what ``read_address`` reads, without what is None; "" where it would be too long for a link."""
    link = urlencode({name: str(value) for name, value in values.items() if value is not None})
    return link if len(link) <= _LONGEST else ""


def follow_address(tab: gr.Tab, link: gr.Textbox) -> None:
    """Keep the address in step with what a tab shows, as ``write_address`` gave it to ``link``."""
    link.change(None, [link], js=f"(link) => window.moteShows?.({tab.id!r}, link)", **QUICK)


def copy_link_button() -> None:
    """Build a button that copies the page's address, and says so."""
    button = gr.Button("Copy link", size="sm", scale=0, min_width=110)
    button.click(None, js=_COPY_SCRIPT, **QUICK)
