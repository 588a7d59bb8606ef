// Remembers the theme, and closes the table of contents where it would push the text down.
const theme = document.getElementById("theme");
try { // a browser may forbid to store anything
  const chosen = localStorage.getItem("workbook-theme");
  if (["light", "dark"].includes(chosen)) theme.value = chosen;
} catch {}
theme.addEventListener("change", () => {
  try { localStorage.setItem("workbook-theme", theme.value); } catch {}
});
const contents = document.querySelector("nav.contents details");
if (contents && matchMedia("(max-width: 64rem)").matches) contents.open = false;
