// A table whose headers hold a role each. gr.HTML runs this once a component and provides `element` and `trigger`.
let changed = null;

element.addEventListener("change", (event) => {
  const picker = event.target.closest("select[data-column]");
  if (!picker) return;
  changed = picker.dataset.column;
  trigger("select", { column: Number(changed), role: picker.value });
});

// The answer draws the table anew: whoever uses the keyboard stays where they were.
new MutationObserver(() => {
  if (changed === null || element.contains(document.activeElement)) return;
  if (document.activeElement && document.activeElement !== document.body) return;
  element.querySelector(`select[data-column="${changed}"]`)?.focus({ preventScroll: true });
}).observe(element, { childList: true, subtree: true });
