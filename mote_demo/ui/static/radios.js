// Arrow keys choose within a group of radio buttons, and Tab stops at a group once, at the chosen one: Gradio gives each
// button a name of its own, so browsers see no group.
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

const stopOnce = (group) => {
  const radios = [...group.querySelectorAll("input[type=radio]")];
  const stop = radios.find((radio) => radio.checked) ?? radios[0];
  for (const radio of radios) radio.tabIndex = radio === stop ? 0 : -1;
};
const groups = () => document.querySelectorAll("fieldset:has(input[type=radio])");
document.addEventListener("change", (event) => {
  const group = event.target.closest?.("fieldset");
  if (group) stopOnce(group);
});
document.addEventListener("focusin", () => groups().forEach(stopOnce));
