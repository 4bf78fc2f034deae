// Arrow keys choose within a group of radio buttons: Gradio gives each a name of its own, so browsers see no group.
document.addEventListener("keydown", (event) => {
  const steps = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 };
  const radio = event.target;
  if (!(event.key in steps) || !radio.matches?.("fieldset input[type=radio]")) return;
  const group = [...radio.closest("fieldset").querySelectorAll("input[type=radio]:not(:disabled)")];
  const next = group[(group.indexOf(radio) + steps[event.key] + group.length) % group.length];
  event.preventDefault();
  next.focus();
  next.click();
});
