// Whoever leaves with an expert that exists nowhere else is asked first. Gradio, which hangs up on leaving, is not told:
// whoever stays would have lost the connection, and that of whoever goes ends by itself.
const ask = (event) => {
  if (!document.querySelector("[data-mote-unsaved]")) return;
  event.preventDefault();
  event.stopImmediatePropagation();
};
addEventListener("beforeunload", ask, { capture: true });
