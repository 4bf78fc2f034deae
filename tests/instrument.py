"""What tests ask the two linked maps of a page, and do to them."""


class Instrument:
    """The linked maps inside an element of a page; side 0 is the left map."""

    def __init__(self, page, selector="body"):
        self.page = page
        self.root = page.locator(f"{selector} .maps")
        self.plots = self.root.locator(".maps-plot")
        self.legend = self.root.locator(".maps-legend")
        self.slider = self.root.locator(".maps-morph input")
        self.filter = self.root.locator(".maps-filter input")

    def ask(self, expression):
        """Evaluate an expression over ``asked``, after what is pending was drawn."""
        self.page.evaluate("() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
        return self.root.evaluate(f"(root) => {{ const asked = root.asked; return {expression}; }}")

    def range(self, side):
        """Return (left, right, bottom, top) of what a map shows."""
        return self.ask(f"asked.range({side})")

    def drawn(self, side):
        """Return the places of all texts in a map's own units."""
        return self.ask(f"asked.drawn({side})")

    def shown(self, side):
        """Return for each text whether it is hidden (0), faded (1) or strong (2)."""
        return self.ask(f"asked.state().shown[{side}]")

    def strong(self, side):
        return [row for row, strength in enumerate(self.shown(side)) if strength == 2]

    def place(self, side, row):
        """Return where a text is on the screen."""
        self.plots.nth(side).scroll_into_view_if_needed()
        return self.ask(f"asked.place({side}, {row})")

    def hover(self, side, row):
        self.page.mouse.move(*self.place(side, row))

    def click(self, side, row):
        self.page.mouse.click(*self.place(side, row))

    def drag(self, side, *corners):
        """Press the mouse at the first corner, (x, y) as shares of the map, and release it at the last one."""
        self.plots.nth(side).scroll_into_view_if_needed()
        box = self.plots.nth(side).bounding_box()
        places = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in corners]
        self.page.mouse.move(*places[0])
        self.page.mouse.down()
        for place in places[1:]:
            self.page.mouse.move(*place, steps=4)
        self.page.mouse.up()

    def words(self, side):
        """Return the labels that are visible, and their boxes."""
        labels = [each for each in self.plots.nth(side).locator(".maps-words span").all() if each.is_visible()]
        return [each.inner_text() for each in labels], [each.bounding_box() for each in labels]
