// Asks for what is new of the runs and shows it: curves, a table, the newest recorded episode.
"use strict";
(() => {
const element = id => document.getElementById(id);
const make = (tag, parent, properties = {}) => parent.appendChild(Object.assign(document.createElement(tag), properties));
const style = name => getComputedStyle(document.documentElement).getPropertyValue("--" + name).trim();
const isDark = matchMedia("(prefers-color-scheme: dark)");
let encoders = [], colours = 0;
while (style("series-" + colours)) colours++;
const colour = encoder => style("series-" + Math.max(0, encoders.indexOf(encoder)) % colours);
const number = value => !Number.isFinite(value) ? "–" : Math.abs(value) >= 1000 ? value.toFixed(0) : value.toFixed(Math.abs(value) >= 100 ? 1 : 2);
const whole = value => value.toLocaleString("en");
const time = seconds => {
  if (!Number.isFinite(seconds) || seconds > 1e8) return "–";
  const total = Math.max(0, Math.round(seconds)), two = value => String(value).padStart(2, "0");
  return total >= 3600 ? `${Math.floor(total / 3600)}:${two(Math.floor(total / 60) % 60)}:${two(total % 60)}` : `${Math.floor(total / 60)}:${two(total % 60)}`;
};

const runs = new Map();  // by id
let since = "", chosen = null, hovered = null, shownEpisode = null, answered = 0;

// A run says nothing while it evaluates: half a minute without a word does not mean that it is gone.
const quietAfter = 30;
function state(run) {
  if (run.error) return "failed";
  if (run.final !== undefined) return "finished";
  return Date.now() / 1000 - run.updated < quietAfter ? "running" : "quiet";
}
const rank = { running: 0, failed: 1, quiet: 2, finished: 3 };
const isShown = run => run.name.toLowerCase().includes(element("filter").value.trim().toLowerCase());

// --- Asking -------------------------------------------------------------------------------------------------------

let timer = 0;
async function ask() {
  clearTimeout(timer);
  let wait = 4000;
  try {
    const answer = await fetch("runs.json?since=" + since);
    if (!answer.ok) throw new Error(answer.status);
    take(await answer.json());
    element("trouble").hidden = true;
    if ([...runs.values()].some(run => state(run) === "running")) wait = 1000;
  } catch {
    element("trouble").hidden = false;
    element("trouble").textContent = "mamba-dqn watch does not answer: it may have ended. What stands here is from "
      + (answered ? time((Date.now() - answered) / 1000) + " ago." : "before.");
    wait = 2000;
  }
  timer = setTimeout(ask, document.hidden ? 15000 : wait);
}

function take(news) {
  answered = Date.now();
  if (since.split("-")[0] !== news.since.split("-")[0]) runs.clear();
  since = news.since;
  element("root").textContent = news.root;
  document.title = news.root + " · mamba-dqn watch";
  encoders = news.encoders;
  for (const run of news.runs) runs.set(run.id, run);
  const present = new Set(news.present);
  const gone = [...runs.keys()].filter(id => !present.has(id));
  for (const id of gone) runs.delete(id);
  if (chosen !== null && !runs.has(chosen)) { chosen = null; element("follow").checked = true; }
  if (news.runs.length || gone.length) showAll(); else showTimes();
}

function showAll() {
  showCounts();
  showRows();
  showCharts();
  showEpisode();
  document.documentElement.dataset.runs = runs.size;
  document.documentElement.dataset.points = [...runs.values()].reduce((sum, run) => sum + run.returns.x.length, 0);
}
function showTimes() { showCounts(); for (const [id, row] of rows) fill(row, runs.get(id)); }

function showCounts() {
  const counts = {};
  for (const run of runs.values()) counts[state(run)] = (counts[state(run)] ?? 0) + 1;
  element("counts").textContent = runs.size === 0 ? "no runs" : Object.keys(rank).filter(name => counts[name])
    .map(name => `${counts[name]} ${name}`).join(" · ");
}

// --- The table ----------------------------------------------------------------------------------------------------

const rows = new Map();  // by id: its cells
const columns = ["state", "name", "steps", "return", "greedy", "steps/s", "to go", "staleness", "heard"];

function row(id) {
  const line = document.createElement("tr"), cells = {};
  columns.forEach((name, index) => {
    cells[name] = make("td", line, { className: index > 2 ? "n" : name === "state" ? "" : name });
    if (index > 2) cells[name].dataset.name = name;
  });
  cells.dot = make("span", cells.state);
  cells.title = make("span", cells.name);
  cells.note = make("small", cells.name);
  cells.count = make("span", cells.steps);
  cells.bar = make("progress", cells.steps);
  line.onclick = () => choose(id);
  return { line, cells };
}
const put = (node, text) => { if (node.textContent !== text) node.textContent = text; };

function fill({ line, cells }, run) {
  const now = state(run), isRunning = now === "running";
  if (cells.dot.className !== "state " + now) { cells.dot.className = "state " + now; cells.dot.title = now; }
  put(cells.title, run.name);
  put(cells.note, run.error ?? [run.environment, run.encoder, run.preset, "seed " + run.seed].join(" · "));
  put(cells.count, run.totalSteps ? `${whole(run.step)} of ${whole(run.totalSteps)}` : "");
  cells.bar.max = run.totalSteps || 1;
  cells.bar.value = run.step;
  put(cells.return, run.meanReturn === undefined ? "" : number(run.meanReturn));
  put(cells.greedy, run.final !== undefined ? `${number(run.final)} at the end`
    : run.greedy === undefined ? "" : `${number(run.greedy)} (${number(run.best)})`);
  put(cells["steps/s"], run.stepsPerSecond ? whole(Math.round(run.stepsPerSecond)) : "");
  put(cells["to go"], isRunning && run.stepsPerSecond ? time((run.totalSteps - run.step) / run.stepsPerSecond) : "");
  put(cells.staleness, run.staleness === undefined ? "" : number(run.staleness));
  put(cells.heard, run.updated ? time(Date.now() / 1000 - run.updated) + " ago" : "");
  line.classList.toggle("chosen", run.id === chosen);
}

function showRows() {
  for (const [id, { line }] of rows) if (!runs.has(id)) { line.remove(); rows.delete(id); }
  const order = [...runs.values()].filter(isShown).sort((a, b) =>
    rank[state(a)] - rank[state(b)] || (state(a) === "finished" ? b.updated - a.updated : 0) || a.name.localeCompare(b.name, "en", { numeric: true }));
  const body = element("rows");
  order.forEach((run, index) => {
    if (!rows.has(run.id)) rows.set(run.id, row(run.id));
    const entry = rows.get(run.id);
    fill(entry, run);
    if (body.children[index] !== entry.line) body.insertBefore(entry.line, body.children[index] ?? null);
  });
  while (body.children.length > order.length) body.lastChild.remove();
  element("none").hidden = runs.size > 0;
}

function choose(id) {
  chosen = id;
  element("follow").checked = false;
  showAll();
  showEpisode(true);
}

// --- The curves ---------------------------------------------------------------------------------------------------

const charts = new Map();  // by environment
const left = 52, right = 10, top = 10, bottom = 26;

function showCharts() {
  const groups = new Map();
  for (const run of runs.values()) {
    if (!run.returns.x.length || !isShown(run)) continue;
    if (!groups.has(run.environment)) groups.set(run.environment, []);
    groups.get(run.environment).push(run);
  }
  for (const [name, chart] of charts) if (!groups.has(name)) { chart.panel.remove(); charts.delete(name); }
  for (const name of [...groups.keys()].sort()) {
    if (!charts.has(name)) charts.set(name, makeChart(name));
    const chart = charts.get(name);
    chart.runs = groups.get(name);
    element("charts").appendChild(chart.panel);
    drawChart(chart);
  }
}

function makeChart(name) {
  const panel = make("div", document.createDocumentFragment(), { className: "panel" });
  const heading = make("h2", panel, { textContent: name });
  const note = make("small", heading);
  const keys = make("span", heading), box = make("div", panel, { className: "chart" });
  const chart = { panel, note, keys, box, canvas: make("canvas", box), tip: make("div", box, { className: "tip", hidden: true }), runs: [] };
  // A panel beside it that comes or goes changes its width too.
  new ResizeObserver(() => drawChart(chart)).observe(box);
  box.onpointermove = event => hover(chart, event);
  box.onpointerleave = () => { hovered = null; chart.tip.hidden = true; drawChart(chart); };
  box.onclick = () => { if (hovered !== null) choose(hovered); };
  return chart;
}

const finite = values => values.filter(Number.isFinite);
function drawChart(chart) {
  const { canvas, runs: own } = chart, ratio = Math.min(3, devicePixelRatio || 1);
  const width = canvas.clientWidth, height = canvas.clientHeight;
  [canvas.width, canvas.height] = [width * ratio, height * ratio];
  const drawn = canvas.getContext("2d");
  drawn.scale(ratio, ratio);
  const all = finite(own.flatMap(run => [...run.returns.y, ...run.evaluations.y])).sort((a, b) => a - b);
  // The worst falls of the beginning would flatten all that matters.
  let low = all[Math.floor(all.length * 0.02)] ?? 0, high = all.at(-1) ?? 1;
  if (low === high) { low -= 1; high += 1; }
  low -= 0.04 * (high - low); high += 0.04 * (high - low);
  const end = Math.max(1, ...own.flatMap(run => [run.returns.x.at(-1), run.evaluations.x.at(-1) ?? 0]));
  chart.x = step => left + (width - left - right) * step / end;
  chart.y = value => top + (height - top - bottom) * (high - Math.max(low, value)) / (high - low);
  drawn.font = '11px system-ui, "DejaVu Sans", sans-serif';
  drawn.fillStyle = style("muted");
  drawn.strokeStyle = style("line");
  drawn.textAlign = "right";
  for (const value of ticks(low, high, 5)) {
    drawn.fillText(whole(value), left - 8, chart.y(value) + 4);
    drawn.beginPath(); drawn.moveTo(left, chart.y(value)); drawn.lineTo(width - right, chart.y(value)); drawn.stroke();
  }
  drawn.textAlign = "center";
  for (const value of ticks(0, end, width / 110)) {
    const text = value >= 1e6 ? value / 1e6 + "M" : value >= 1000 ? value / 1000 + "k" : String(value);
    drawn.fillText(text, Math.min(chart.x(value), width - right - 8), height - 8);
  }
  drawn.lineJoin = "round";
  const marked = run => run.id === hovered || run.id === chosen;
  const thin = own.length > 40 ? 0.3 : own.length > 8 ? 0.6 : 1;
  for (const run of [...own].sort((a, b) => marked(a) - marked(b))) {
    drawn.globalAlpha = marked(run) ? 1 : thin;
    drawn.lineWidth = marked(run) ? 2.5 : 1.4;
    drawn.strokeStyle = drawn.fillStyle = colour(run.encoder);
    drawn.beginPath();
    run.returns.x.forEach((step, i) => drawn.lineTo(chart.x(step), chart.y(run.returns.y[i])));
    drawn.stroke();
    if (own.length > 1 && !marked(run)) continue;
    run.evaluations.x.forEach((step, i) => {
      if (!(run.evaluations.y[i] >= low)) return;  // below the scale: at its edge it would stand for another number
      drawn.beginPath(); drawn.arc(chart.x(step), chart.y(run.evaluations.y[i]), 3, 0, 7); drawn.fill();
    });
  }
  drawn.globalAlpha = 1;
  put(chart.note, "line: return while training, mean of 100 episodes; dots: mean of greedy episodes"
    + (own.length > 1 ? " of the run pointed at or chosen" : ""));
  const names = [...new Set(own.map(run => run.encoder))];
  const wanted = names.map(name => name + colour(name)).join();
  if (chart.keys.dataset.names !== wanted) {
    chart.keys.dataset.names = wanted;
    chart.keys.replaceChildren();
    for (const name of names) {
      const key = make("span", chart.keys, { className: "key" });
      make("i", key).style.background = colour(name);
      make("span", key, { textContent: name + " " });
    }
  }
}

function ticks(low, high, count) {
  const raw = (high - low) / Math.max(1, count), power = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 5, 10].map(factor => factor * power).find(size => size >= raw), values = [];
  for (let value = Math.ceil(low / step) * step; value <= high; value += step) values.push(Number(value.toPrecision(12)));
  return values;
}

function hover(chart, event) {
  const area = chart.box.getBoundingClientRect(), px = event.clientX - area.left, py = event.clientY - area.top;
  let best = null, distance = 30;
  for (const run of chart.runs) {
    run.returns.x.forEach((step, i) => {
      const away = Math.hypot(chart.x(step) - px, chart.y(run.returns.y[i]) - py);
      if (away < distance) [best, distance] = [{ run, step, value: run.returns.y[i] }, away];
    });
  }
  hovered = best ? best.run.id : null;
  chart.tip.hidden = !best;
  if (best) {
    chart.tip.textContent = `${best.run.name}: ${number(best.value)} at step ${whole(best.step)}`;
    chart.tip.style.top = Math.max(0, py - 34) + "px";
    chart.tip.style[px < area.width / 2 ? "left" : "right"] = (px < area.width / 2 ? px : area.width - px) + "px";
    chart.tip.style[px < area.width / 2 ? "right" : "left"] = "auto";
  }
  drawChart(chart);
}

// --- The episode --------------------------------------------------------------------------------------------------

const frame = element("episode");
const inside = () => { try { return frame.contentDocument?.documentElement.dataset; } catch { return undefined; } };

// `now`: the user asked for it, so that what plays need not end first.
function showEpisode(now = false) {
  const withEpisode = [...runs.values()].filter(run => run.episodes.length || run.hasLastEpisode);
  const follows = element("follow").checked;
  const run = follows || chosen === null ? withEpisode.sort((a, b) => b.episodeTime - a.episodeTime)[0] : runs.get(chosen);
  const names = run ? [...run.episodes.map(String), ...(run.hasLastEpisode && run.final !== undefined || run.hasLastEpisode && !run.episodes.length ? ["last"] : [])] : [];
  put(element("whose"), run ? run.name : "Newest greedy episode");
  element("hint").hidden = names.length > 0;
  element("which").hidden = frame.hidden = names.length === 0;
  if (!names.length) { shownEpisode = null; frame.removeAttribute("src"); return; }
  // What plays goes on to its end; asked again with every news, and every second.
  if (!now && shownEpisode && inside()?.state === "playing") return;
  const steps = element("steps"), wanted = run.id + ":" + names.join();
  if (steps.dataset.names !== wanted) {
    const same = steps.dataset.names?.split(":")[0] === String(run.id), kept = steps.value;
    steps.dataset.names = wanted;
    steps.replaceChildren();
    for (const name of names) make("option", steps, { value: name, textContent: name === "last" ? "final weights" : `step ${whole(Number(name))}` });
    steps.value = same && !follows && names.includes(kept) ? kept : names.at(-1);
  }
  const address = `episode/${run.id}/${steps.value}`, stamp = address + (steps.value === "last" ? run.episodeTime : "");
  element("alone").href = address;
  if (stamp === shownEpisode) return;
  shownEpisode = stamp;
  document.documentElement.dataset.episode = address;
  if (frame.getAttribute("src")) frame.contentWindow.location.replace(address); else frame.src = address;  // no history
}

// As high as what it shows.
let watched = null;
frame.onload = () => {
  watched?.disconnect();
  const body = frame.contentDocument?.body;
  if (!body || !shownEpisode) return;
  const fit = () => { frame.style.height = body.scrollHeight + "px"; };
  watched = new frame.contentWindow.ResizeObserver(fit);
  watched.observe(body);
  fit();
};
element("steps").onchange = () => { element("follow").checked = false; chosen ??= Number(element("steps").dataset.names.split(":")[0]); showEpisode(true); };
element("follow").onchange = () => showEpisode(true);
element("filter").oninput = () => { showRows(); showCharts(); };
isDark.addEventListener("change", () => charts.forEach(drawChart));
document.addEventListener("visibilitychange", () => { if (!document.hidden) ask(); });
setInterval(() => { if (!document.hidden) { showTimes(); showEpisode(); } }, 1000);
ask();
})();
