// The switch in the banner: light or dark, kept in this browser; until it is used, the system's choice holds.
const chosen = localStorage.getItem("mote-theme");
const isDark = () => document.body.classList.contains("dark");
const apply = (dark) => {
  document.body.classList.toggle("dark", dark);
  document.querySelector(".mote-theme")?.setAttribute("aria-pressed", dark);
};
document.addEventListener("click", (event) => {
  if (!event.target.closest?.(".mote-theme")) return;
  apply(!isDark());
  localStorage.setItem("mote-theme", isDark() ? "dark" : "light");
});
// Gradio sets its own class while it starts, and the banner comes after that.
new MutationObserver((_, observer) => {
  const button = document.querySelector(".mote-theme");
  if (!button) return;
  observer.disconnect();
  apply(chosen ? chosen === "dark" : isDark());
}).observe(document.documentElement, { childList: true, subtree: true });
