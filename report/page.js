// Tables that sort, and long ones that are searched and filtered; no library, no request.
const LONG = 12;  // rows from which a table has a search
const number = text => {
  const found = text.replace(/−/g, "-").replace(/,(?=\d{3})/g, "").match(/^<?\s*[+-]?(\d+\.?\d*(e[+-]?\d+)?|∞)/);
  return found ? Number(found[0].replace(/^<\s*/, "").replace("∞", "Infinity")) : NaN;
};

function sortable(table) {
  const body = table.tBodies[0], heads = [...table.tHead.rows[0].cells];
  heads.forEach((head, i) => {
    const button = document.createElement("button");
    button.append(...head.childNodes);
    head.scope = "col";
    head.append(button);
    button.addEventListener("click", () => {
      const down = head.getAttribute("aria-sort") === "ascending" ? -1 : 1;
      heads.forEach(h => h.removeAttribute("aria-sort"));
      head.setAttribute("aria-sort", down > 0 ? "ascending" : "descending");
      const keyed = [...body.rows].map(row => [row.cells[i].textContent, row]);
      const empty = text => text === "–" || text === "";
      const numeric = keyed.every(([text]) => empty(text) || !Number.isNaN(number(text)));
      keyed.sort(([a], [b]) => empty(a) || empty(b) ? empty(a) - empty(b)
        : down * (numeric ? number(a) - number(b) : a.localeCompare(b)));
      body.append(...keyed.map(([, row]) => row));
    });
  });
}

function searchable(table, tools) {
  const rows = [...table.tBodies[0].rows], heads = [...table.tHead.rows[0].cells];
  const told = document.createElement("output"), filters = [];
  const search = Object.assign(document.createElement("input"), {type: "search", placeholder: "search"});
  search.setAttribute("aria-label", "Search the table");
  const show = () => {
    const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    let count = 0;
    for (const row of rows) {
      const text = row.textContent.toLowerCase();
      row.hidden = !words.every(word => text.includes(word))
        || !filters.every(([i, choice]) => !choice.value || row.cells[i].textContent === choice.value);
      count += !row.hidden;
    }
    told.textContent = count === rows.length ? "" : `${count} of ${rows.length}`;
  };
  heads.forEach((head, i) => {
    if (head.classList.contains("n")) return;
    const values = [...new Set(rows.map(row => row.cells[i].textContent))];
    if (values.length < 2 || values.length > 40 || values.length > rows.length / 2) return;
    const choice = document.createElement("select"), name = head.textContent.trim();
    choice.setAttribute("aria-label", `Rows by ${name}`);
    choice.append(new Option(`${name}: all`, ""), ...values.filter(Boolean).sort().map(v => new Option(v, v)));
    choice.addEventListener("change", show);
    filters.push([i, choice]);
  });
  search.addEventListener("input", show);
  tools.append(search, ...filters.map(([, choice]) => choice), told);
}

function copyable(table, tools) {
  const button = Object.assign(document.createElement("button"), {textContent: "copy"});
  button.title = "Copy the table, to be pasted into a spreadsheet";
  button.addEventListener("click", async () => {
    const line = row => [...row.cells].map(cell => cell.textContent).join("\t");
    await navigator.clipboard.writeText([...table.rows].filter(r => !r.hidden).map(line).join("\n"));
    button.textContent = "copied";
    setTimeout(() => { button.textContent = "copy"; }, 1500);
  });
  tools.append(button);
}

for (const table of document.querySelectorAll("main table")) {
  const scroll = document.createElement("div"), tools = document.createElement("div");
  scroll.className = "scroll"; tools.className = "tools";
  scroll.tabIndex = 0;
  scroll.setAttribute("role", "region");
  scroll.setAttribute("aria-label", table.caption ? table.caption.textContent.split(".")[0] : "Table");
  table.replaceWith(tools, scroll);
  if (table.caption) {  // it would scroll away with the table
    const caption = Object.assign(document.createElement("p"), {className: "caption"});
    caption.append(...table.caption.childNodes);
    table.caption.remove();
    tools.before(caption);
  }
  if (table.tBodies[0].rows.length >= LONG) searchable(table, tools);
  copyable(table, tools);
  scroll.append(table);
  sortable(table);
}

// The explorer: effects of a data set and cell, and the learning curves of up to five.
function explorer(root) {
  const data = JSON.parse(root.querySelector(".data").textContent), most = 5;
  const tools = document.createElement("div"), list = document.createElement("div");
  const chart = document.createElement("div"), chosen = new Set();
  const head = document.createElement("p");
  head.innerHTML = "<b>Explore.</b> Choose a data set and a cell; tick up to five for their learning curves. "
    + "Dots: improvement over none, with its interval; filled where a verdict parts it from zero.";
  tools.className = "tools"; list.className = "effects"; chart.className = "curves";
  const select = (label, options) => {
    const made = document.createElement("select");
    made.setAttribute("aria-label", label);
    made.append(...Object.entries(options).map(([value, text]) => new Option(text, value)));
    made.addEventListener("change", fresh);
    tools.append(made);
    return made;
  };
  const benchmark = select("Data set", data.benchmarks), cell = select("Cell", data.cells);
  const group = select("Family", {"": "all families", ...Object.fromEntries(
    [...new Set(data.regularizers.map(r => r.group))].filter(g => g !== "none").map(g => [g, g]))});
  const key = () => `${benchmark.value}/${cell.value}`;
  const sign = v => (v > 0 ? "+" : "") + v.toFixed(1).replace("-", "−");
  const escaped = text => text.replace(/&/g, "&amp;").replace(/</g, "&lt;");

  function fresh() {
    const effects = data.effects[key()] ?? {};
    const best = Object.entries(effects).sort((a, b) => b[1][0] - a[1][0]).slice(0, 3);
    chosen.clear();
    ["none", ...best.map(([name]) => name)].forEach(name => chosen.add(name));
    draw();
  }

  function draw() {
    const effects = data.effects[key()] ?? {}, losses = data.curves[key()];
    const ends = Object.values(effects).flatMap(e => e.slice(0, 3)).filter(v => v !== null).sort((a, b) => a - b);
    const low = Math.min(0, ends[Math.floor(ends.length * 0.03)] ?? 0);
    const high = Math.max(0, ends[Math.ceil(ends.length * 0.97) - 1] ?? 0), span = high - low || 1;
    const at = v => Math.max(0, Math.min(100, 100 * (v - low) / span));
    list.replaceChildren();
    for (const r of data.regularizers) {
      const e = effects[r.name];
      if (r.name !== "none" && (!e || (group.value && r.group !== group.value))) continue;
      const row = document.createElement("label"), box = document.createElement("input");
      Object.assign(box, {type: "checkbox", checked: chosen.has(r.name), disabled: !losses?.loss[r.name]});
      box.style.accentColor = r.colour;
      box.addEventListener("change", () => {
        if (!box.checked) chosen.delete(r.name);
        else { if (chosen.size >= most) chosen.delete([...chosen].at(-1)); chosen.add(r.name); }
        draw();
        [...list.querySelectorAll("input")].find(other => other.value === r.name)?.focus();
      });
      box.value = r.name;
      const name = document.createElement("span"), bar = document.createElement("span"), told = document.createElement("span");
      name.textContent = r.title; bar.className = "bar";
      const told_ = e ? `${sign(e[0])}%` + (e[1] === null ? "" : ` [${sign(e[1])}, ${sign(e[2])}] ${e[3]}`) : "reference";
      told.textContent = told_;
      bar.innerHTML = `<i class="zero" style="left:${at(0)}%"></i>` + (!e ? "" :
        (e[1] === null ? "" : `<i style="left:${at(e[1])}%;width:${at(e[2]) - at(e[1])}%;background:${r.colour}"></i>`)
        + `<b style="left:${at(e[0])}%;border-color:${r.colour};${/better|worse/.test(e[3]) ? `background:${r.colour}` : ""}"></b>`);
      row.append(box, name, bar, told);
      list.append(row);
    }
    chart.innerHTML = losses ? curves(losses) : "";
  }

  function curves({steps, loss}) {
    const shown = data.regularizers.filter(r => chosen.has(r.name) && loss[r.name]);
    const later = shown.flatMap(r => loss[r.name].slice(1)).filter(v => v !== null);
    if (!later.length) return "";
    const low = Math.min(...later), high = Math.max(...later), last = steps.at(-1);
    const x = i => 60 + 520 * steps[i] / last, y = v => 10 + 190 * (1 - (v - low) / (high - low || 1));
    const lines = shown.map(r => `<polyline fill="none" stroke-width="2" stroke="${r.colour === "#000000" ? "currentColor" : r.colour}" points="${
      loss[r.name].map((v, i) => v === null || v > high * 1.02 ? "" : `${x(i).toFixed(1)},${y(v).toFixed(1)}`).join(" ")}"/>`);
    const label = (px, py, text, anchor) => `<text x="${px}" y="${py}" text-anchor="${anchor}">${text}</text>`;
    const names = shown.map(r => r.title).join(", ");
    return `<svg viewBox="0 0 600 235" role="img" aria-label="Validation loss over training of ${escaped(names).replace(/"/g, "&quot;")}">
      <path d="M60 10V200H580" fill="none" stroke="currentColor" stroke-width="0.7"/>${lines.join("")}
      ${label(55, 15, high.toPrecision(3), "end")}${label(55, 200, low.toPrecision(3), "end")}
      ${label(60, 215, 0, "middle")}${label(580, 215, last, "middle")}${label(320, 230, "training steps; validation loss", "middle")}</svg>`
      + `<p>${shown.map(r => `<span style="color:${r.colour === "#000000" ? "inherit" : r.colour}">━</span> ${escaped(r.title)}`).join(" &nbsp; ")}</p>`;
  }

  root.append(head, tools, list, chart);
  root.hidden = false;
  benchmark.selectedIndex = 1;
  cell.value = Object.keys(data.cells).at(-1);
  fresh();
}
document.querySelectorAll(".explore").forEach(explorer);

// In print every fold is open, but for tables of hundreds of lines.
let opened = [];
addEventListener("beforeprint", () => {
  opened = [...document.querySelectorAll("details:not(.long):not([open])")];
  opened.forEach(fold => { fold.open = true; });
});
addEventListener("afterprint", () => opened.forEach(fold => { fold.open = false; }));
