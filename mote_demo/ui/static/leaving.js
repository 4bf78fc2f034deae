// Whoever leaves with an expert that exists nowhere else is asked first. Gradio hangs up on leaving, and whoever then stays
// would lose the expert with the connection: so it is not told. This must listen before Gradio does.
addEventListener("beforeunload", (event) => {
  if (!document.querySelector("[data-mote-unsaved]")) return;
  event.preventDefault();
  event.stopImmediatePropagation();
});
