"""What axe-core finds on a page."""

from axe_playwright_python.sync_playwright import Axe

_AXE = Axe()


def faults_of(page, least=("serious", "critical")) -> list[str]:
    """List what axe finds wrong on the page as it is now, from these impacts on: rule, element, and what to do."""
    found = _AXE.run(page, options={"resultTypes": ["violations"]}).response["violations"]
    return [
        f"{each['impact']} {each['id']}: {node['html'][:160]} ({' '.join(str(node['failureSummary']).split())[:200]})"
        for each in found
        if each["impact"] in least
        for node in each["nodes"]
    ]
