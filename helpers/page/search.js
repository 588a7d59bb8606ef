// Finds the sections that have all words; those that have them in their heading come first.
const MOST = 40; // results
const AROUND = 90; // letters before and after the first word found
const sections = JSON.parse(document.getElementById("sections").textContent);
const field = document.querySelector("header input");
const said = document.getElementById("said");
const found = document.getElementById("found");

for (const section of sections) {
  section.inHeading = `${section.page} ${section.heading}`.toLowerCase();
  section.inText = section.text.toLowerCase();
}

function rank(section, words) {
  let points = 0;
  for (const word of words) {
    if (section.inHeading.includes(word)) points += 20;
    else if (!section.inText.includes(word)) return 0;
    points += Math.min(section.inText.split(word).length, 10);
  }
  return points;
}

function make(name, text) {
  const element = document.createElement(name);
  element.textContent = text; // never as HTML
  return element;
}

function excerpt(section, words) {
  const places = words.map((word) => section.inText.indexOf(word)).filter((place) => place >= 0);
  const start = places.length ? Math.max(0, Math.min(...places) - AROUND) : 0;
  const line = make("p", "");
  let rest = section.text.slice(start, start + 3 * AROUND);
  while (rest) {
    const low = rest.toLowerCase();
    const next = words.map((word) => [low.indexOf(word), word.length]).filter(([place]) => place >= 0);
    const [place, length] = next.sort((one, other) => one[0] - other[0])[0] ?? [rest.length, 0];
    line.append(rest.slice(0, place));
    if (length) line.append(make("mark", rest.slice(place, place + length)));
    rest = rest.slice(place + length);
  }
  return line;
}

function search() {
  const words = field.value.normalize("NFC").toLowerCase().split(/\s+/).filter(Boolean);
  const ranked = sections.map((section) => [words.length ? rank(section, words) : 0, section]);
  const hits = ranked.filter(([points]) => points).sort((one, other) => other[0] - one[0]);
  found.replaceChildren();
  for (const [, section] of hits.slice(0, MOST)) {
    const link = make("a", `${section.page}: ${section.heading}`);
    link.href = section.address;
    const item = make("li", "");
    item.append(link, excerpt(section, words));
    found.append(item);
  }
  const most = hits.length > MOST ? `, the best ${MOST} of them below` : "";
  said.textContent = words.length ? `${hits.length} sections have “${words.join(" ")}”${most}.` : "";
}

field.value = new URLSearchParams(location.search).get("q") ?? "";
field.addEventListener("input", search);
if (field.value) search();
field.focus();
