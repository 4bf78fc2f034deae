// Whoever leaves with an expert that exists nowhere else is asked first.
addEventListener("beforeunload", (event) => {
  if (document.querySelector("[data-mote-unsaved]")) event.preventDefault();
});
