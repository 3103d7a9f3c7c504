// Plays the recorded episodes of this page. `data` is described at EpisodePage and ScenePacker.
"use strict";
(() => {
const data = JSON.parse(document.getElementById("data").textContent);
const element = id => document.getElementById(id);
const make = (tag, parent, properties = {}) => parent.appendChild(Object.assign(document.createElement(tag), properties));
const isDark = matchMedia("(prefers-color-scheme: dark)");
const style = name => getComputedStyle(document.documentElement).getPropertyValue("--" + name).trim();
const series = index => style("series-" + index % 6);
const short = value => value === null || value === undefined ? "–"
  : Math.abs(value) >= 1000 ? value.toFixed(0) : value.toFixed(2).replace("-0.00", "0.00");
// The least and the greatest number. An episode has more of them than a call takes arguments.
function extent(values) {
  let low = Infinity, high = -Infinity;
  for (const value of values) { low = Math.min(low, value); high = Math.max(high, value); }
  return [low, high];
}

// --- What is in a frame -------------------------------------------------------------------------------------------

// A frame's numbers, six a slot, from its changes against `state`.
function unpacked(changes, state) {
  for (let at = 0; at < changes.length;) {
    const code = changes[at++], slot = code >> 6;
    while (state.length < slot * 6 + 6) state.push(0);
    for (let field = 0; field < 6; field++) if (code >> field & 1) state[slot * 6 + field] += changes[at++];
  }
  return Int32Array.from(state.slice(0, 6 + 6 * state[0]));
}

// Frames one after the other, and of each the step whose action led to it; -1 for the first.
function prepare(episode) {
  if (episode.scenes) return episode;
  const state = [];
  episode.scenes = [unpacked(episode.opening, state)];
  episode.stepOf = [-1];
  episode.lastFrameOf = [];
  episode.frames.forEach((frames, step) => {
    for (const frame of frames) { episode.scenes.push(unpacked(frame, state)); episode.stepOf.push(step); }
    episode.lastFrameOf.push(episode.scenes.length - 1);
  });
  let sum = 0;
  episode.returns = episode.rewards.map(reward => sum += reward ?? 0);
  const bytes = atob(episode.latent.bytes);
  episode.latentBytes = Uint8Array.from(bytes, character => character.charCodeAt(0));
  return episode;
}

// --- The scene ----------------------------------------------------------------------------------------------------

const canvas = element("scene"), context = canvas.getContext("2d", { alpha: false });
let drawings = [];  // of each sprite, made when it is first seen

function bounds([kind, n]) {
  if (kind === "c") return [n[0] - n[2], n[1] - n[2], n[0] + n[2], n[1] + n[2]];
  if (kind === "r" || kind === "b") return [n[0], n[1], n[0] + n[2], n[1] + n[3]];
  const xs = n.filter((_, i) => i % 2 === 0), ys = n.filter((_, i) => i % 2 === 1);
  const [left, right] = extent(xs), [bottom, top] = extent(ys);
  return [left, bottom, right, top];
}

function paint(fill, shape, colours) {
  if (typeof fill === "number") return fill < 0 ? null : colours[fill];
  const [left, bottom, right, top] = bounds(shape), [kind, first, second] = fill;
  const x = (left + right) / 2, y = (bottom + top) / 2;
  const gradient = kind === 1 ? context.createLinearGradient(0, top, 0, bottom)
    : context.createRadialGradient(x, y, 0, x, y, Math.max(right - left, top - bottom) / 2);
  gradient.addColorStop(0, colours[first]);
  gradient.addColorStop(1, colours[second]);
  return gradient;
}

// Bitmaps: each is the one before it with a picture laid over. `composed` is the one that `board` shows.
const board = document.createElement("canvas");
let composed = -1;
const bitmaps = data.bitmaps.map(([width, height, base, x, y, source]) => {
  const image = new Image();
  image.src = source;
  return { width, height, base, x, y, image };
});
Promise.allSettled(bitmaps.map(({ image }) => image.decode())).then(() => {
  backdropKey = lastKey = null;
  if (bitmaps.length) draw();
});

function bitmap(index) {
  const missing = [];
  for (let at = index; at !== composed && at >= 0; at = bitmaps[at].base) missing.push(bitmaps[at]);
  if (missing.some(({ image }) => !image.complete)) return null;
  const first = missing.at(-1);
  if (first?.base < 0) [board.width, board.height] = [first.width, first.height];
  for (const { image, x, y } of missing.reverse()) board.getContext("2d").drawImage(image, x, y);
  composed = index;
  return board;
}

function drawing(index) {
  if (drawings[index]) return drawings[index];
  const colours = data.colours[isDark.matches ? 1 : 0];
  return drawings[index] = data.sprites[index].map(shape => {
    const [kind, n, fill, stroke, extra, anchor] = shape;
    if (kind === "b") return { kind, n, bitmap: extra };
    if (kind === "t") return { kind, n, fill: paint(fill, shape, colours), text: extra, anchor: ["left", "center", "right"][anchor] };
    const path = new Path2D();
    if (kind === "c") path.arc(n[0], n[1], n[2], 0, 2 * Math.PI);
    else if (kind === "r") path.roundRect(n[0], n[1], n[2], n[3], n[4]);
    else {
      for (let i = 0; i < n.length; i += 2) path.lineTo(n[i], n[i + 1]);
      if (kind === "p") path.closePath();
    }
    return { kind, path, fill: paint(fill, shape, colours), stroke: stroke && { colour: colours[stroke[0]], width: stroke[1] } };
  });
}

// The first sprite is most often a landscape that stays, and most of the work: its picture is kept.
const backdrop = document.createElement("canvas");
let backdropKey = null, lastKey = null;

function drawScene(scene) {
  // Each way its own: the height was rounded, and no row must be left over.
  const scale = canvas.width / scene[4], rise = canvas.height / scene[5], key = scene.slice(0, 12).join() + canvas.width;
  context.lineJoin = context.lineCap = "round";
  const isKept = key === backdropKey, stays = key === lastKey;
  lastKey = key;
  if (isKept) {
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.drawImage(backdrop, 0, 0);
  }
  for (let at = isKept ? 12 : 6; at < scene.length; at += 6) {
    if (at === 12 && stays && !isKept) {
      [backdrop.width, backdrop.height] = [canvas.width, canvas.height];
      backdrop.getContext("2d").drawImage(canvas, 0, 0);
      backdropKey = key;
    }
    const angle = scene[at + 3] / 4096, sx = 1 + scene[at + 4] / 1024, sy = 1 + scene[at + 5] / 1024;
    context.setTransform(scale, 0, 0, -rise, (scene[at + 1] - scene[1]) * scale, canvas.height - (scene[at + 2] - scene[2]) * rise);
    if (angle) context.rotate(angle);
    if (sx !== 1 || sy !== 1) context.scale(sx, sy);
    for (const shape of drawing(scene[at])) {
      if (shape.kind === "t") {
        const place = context.getTransform(), [x, y, height] = shape.n;
        context.setTransform(1, 0, 0, 1, place.a * x + place.c * y + place.e, place.b * x + place.d * y + place.f);
        context.font = `${height * scale}px system-ui, "DejaVu Sans", sans-serif`;
        context.textAlign = shape.anchor;
        context.fillStyle = shape.fill;
        context.fillText(shape.text, 0, 0);
        context.setTransform(place);
      } else if (shape.kind === "b") {
        const [x, y, width, height] = shape.n;
        context.save();
        context.translate(x, y + height);
        context.scale(1, -1);
        const image = bitmap(shape.bitmap);
        if (image) context.drawImage(image, 0, 0, width, height);
        context.restore();
      } else {
        if (shape.fill) { context.fillStyle = shape.fill; context.fill(shape.path); }
        if (shape.stroke) { context.strokeStyle = shape.stroke.colour; context.lineWidth = shape.stroke.width; context.stroke(shape.path); }
      }
    }
  }
}

// --- The curves ---------------------------------------------------------------------------------------------------

let plots = [];
const gutter = 46, ratio = () => Math.min(3, devicePixelRatio || 1);

// A panel with a canvas that `render(context, width, height)` fills again whenever its size or the colours change.
function plot(title, note, height, keys, render) {
  const panel = make("div", element("charts"), { className: "panel" });
  const heading = make("h2", panel, { textContent: title });
  if (note) make("small", heading, { textContent: note });
  const swatches = keys.map(([name, colour]) => {
    const key = make("span", heading, { className: "key" });
    const swatch = make("i", key);
    make("span", key, { textContent: name });
    return [swatch, colour];
  });
  const box = make("div", panel, { className: "plot" }), surface = make("canvas", box), cursor = make("div", box, { className: "cursor" });
  surface.style.height = height + "px";
  const seek = event => {
    const area = box.getBoundingClientRect();
    const share = (event.clientX - area.left - gutter) / (area.width - gutter);
    pause();
    show(Math.round(Math.max(0, Math.min(1, share)) * (episode.scenes.length - 1)));
  };
  box.onpointerdown = event => { box.setPointerCapture(event.pointerId); seek(event); };
  box.onpointermove = event => { if (event.buttons) seek(event); };
  plots.push({ width: 0, cursor, redraw() {
    for (const [swatch, colour] of swatches) swatch.style.background = colour();
    const width = this.width = box.clientWidth;
    surface.width = width * ratio();
    surface.height = height * ratio();
    const drawn = surface.getContext("2d");
    drawn.setTransform(ratio(), 0, 0, ratio(), 0, 0);
    render(drawn, width, height);
  } });
}

// Where a step stands: its last frame's place, so that the cursor passes it when it is shown.
const stepX = (step, width) => gutter + (width - gutter) * episode.lastFrameOf[step] / Math.max(1, episode.scenes.length - 1);
const beginX = (step, width) => step ? stepX(step - 1, width) : gutter;

// Lines over steps, with the axis' ends at the left. `lines`: [values, colour].
function lines(drawn, width, height, lines) {
  const all = lines.flatMap(([values]) => values).filter(Number.isFinite);
  if (!all.length) return;
  let [low, high] = extent(all);
  if (low === high) { low -= 1; high += 1; }
  const y = value => 5 + (height - 10) * (high - value) / (high - low);
  drawn.font = '11px system-ui, "DejaVu Sans", sans-serif';
  drawn.textAlign = "right";
  drawn.strokeStyle = style("line");
  for (const value of low < 0 && high > 0 && y(low) - y(0) > 14 && y(0) - y(high) > 14 ? [low, 0, high] : [low, high]) {
    drawn.fillStyle = style("muted");
    drawn.fillText(value === 0 ? "0" : Math.abs(value) >= 100 ? value.toFixed(0) : value.toPrecision(3), gutter - 6, Math.min(height - 2, Math.max(10, y(value) + 4)), gutter - 8);
    drawn.beginPath();
    drawn.moveTo(gutter, y(value));
    drawn.lineTo(width, y(value));
    drawn.stroke();
  }
  drawn.lineWidth = 1.5;
  drawn.lineJoin = "round";
  for (const [values, colour] of lines) {
    drawn.strokeStyle = colour;
    drawn.beginPath();
    values.forEach((value, step) => { if (Number.isFinite(value)) drawn.lineTo(stepX(step, width), y(value)); });
    drawn.stroke();
  }
}

function latentImage() {
  // No browser has a canvas as wide as the longest episodes: of those, some steps.
  const { size } = episode.latent, steps = episode.chosen.length, columns = Math.min(steps, 8192);
  const parse = name => [1, 3, 5].map(at => parseInt(style(name).slice(at, at + 2), 16));
  const positive = parse("positive"), negative = parse("negative"), zero = parse("zero");
  const image = new ImageData(columns, size);
  for (let column = 0; column < columns; column++) {
    const step = Math.floor(column * steps / columns);
    for (let row = 0; row < size; row++) {
      const value = (episode.latentBytes[step * size + row] - 128) / 127, strength = Math.sqrt(Math.abs(value));
      const target = value < 0 ? negative : positive, at = 4 * (row * columns + column);
      for (let channel = 0; channel < 3; channel++) image.data[at + channel] = zero[channel] + strength * (target[channel] - zero[channel]);
      image.data[at + 3] = 255;
    }
  }
  const source = document.createElement("canvas");
  source.width = columns;
  source.height = size;
  source.getContext("2d").putImageData(image, 0, 0);
  return source;
}

function makePlots() {
  element("charts").replaceChildren();
  plots = [];
  const steps = episode.chosen.length, hasValues = steps && episode.values[0].length > 0;
  if (!steps) return;
  const keys = hasMany() ? [] : episode.actions.map((name, action) => [name, () => series(action)]);
  if (hasValues) {
    plot("Q-values", "", 130, keys, (drawn, width, height) =>
      lines(drawn, width, height, episode.actions.map((_, action) => [episode.values.map(row => row[action]), series(action)])));
  }
  plot("Action", "", 22, hasValues ? [] : keys, (drawn, width, height) => {
    for (let first = 0, step = 1; step <= steps; step++) {
      if (step < steps && episode.chosen[step] === episode.chosen[first]) continue;
      drawn.fillStyle = series(episode.chosen[first]);
      drawn.fillRect(beginX(first, width), 0, stepX(step - 1, width) - beginX(first, width), height);
      first = step;
    }
  });
  plot("Return so far", "", 90, [], (drawn, width, height) => lines(drawn, width, height, [[episode.returns, style("accent")]]));
  if (episode.latent.size) {
    plot("Latent", `${episode.latent.size} numbers, what the network makes of its memory`, 128,
      [["≤ −" + short(episode.latent.scale), () => style("negative")], ["≥ " + short(episode.latent.scale), () => style("positive")]],
      (drawn, width, height) => {
        drawn.imageSmoothingEnabled = false;
        drawn.drawImage(latentImage(), beginX(0, width), 0, width - gutter, height);
      });
  }
  for (const trace of episode.traces) {
    plot(trace.name, "what it remembers", 70, [], (drawn, width, height) => lines(drawn, width, height, [[trace.values, style("series-2")]]));
  }
}

// --- Now ----------------------------------------------------------------------------------------------------------

// More actions than this are not all shown: the best few are, and the one taken.
const most = 8, few = 5;
const hasMany = () => episode.actions.length > most;

let rows = [], totals = {};
function makeNow() {
  element("actions").replaceChildren();
  const hasValues = episode.values.length && episode.values[0].length;
  const count = !hasMany() ? episode.actions.length : hasValues ? few : 1;
  rows = Array.from({ length: count }, () => {
    const row = make("div", element("actions"), { className: hasValues ? "action" : "action bare" });
    const swatch = make("i", row), name = make("b", row);
    if (!hasValues) return { row, swatch, name };
    return { row, swatch, name, bar: make("em", make("span", row)), value: make("output", row) };
  });
  if (hasMany()) make("p", element("actions"), { className: "rest", textContent: `of ${episode.actions.length} actions` });
  element("totals").replaceChildren();
  totals = {};
  for (const name of ["reward", "return"]) {
    make("dt", element("totals"), { textContent: name });
    totals[name] = make("dd", element("totals"));
  }
}

// The actions of the rows, in their own order or the best first.
function shownActions(values, chosen) {
  const all = episode.actions.map((_, action) => action);
  if (!hasMany()) return all;
  const best = all.sort((a, b) => (values[b] ?? 0) - (values[a] ?? 0)).slice(0, rows.length);
  if (chosen >= 0 && !best.includes(chosen)) best[best.length - 1] = chosen;
  return best;
}

function showNow(step) {
  const known = Math.max(step, 0), values = episode.values[known] ?? [], chosen = step < 0 ? -1 : episode.chosen[step];
  const [low, high] = extent(values.filter(Number.isFinite)), actions = shownActions(values, chosen);
  rows.forEach(({ row, swatch, name, bar, value }, place) => {
    const action = actions[place];
    row.classList.toggle("chosen", action === chosen);
    name.textContent = episode.actions[action];
    swatch.style.background = `var(--series-${action % 6})`;
    if (!bar) return;
    bar.style.background = `var(--series-${action % 6})`;
    bar.style.transform = `scaleX(${high > low ? 0.06 + 0.94 * (values[action] - low) / (high - low) : 1})`;
    value.textContent = short(values[action]);
  });
  totals.reward.textContent = step < 0 ? "–" : short(episode.rewards[step]);
  totals.return.textContent = step < 0 ? "0" : short(episode.returns[step]);
}

// --- Playing ------------------------------------------------------------------------------------------------------

let episode, frame = 0, playing = false, began = 0, beganAt = 0, drawn = 0;
const speeds = [0.1, 0.25, 0.5, 1, 2, 4, 8, 16];

function draw() {
  drawScene(episode.scenes[frame]);
  document.documentElement.dataset.drawn = ++drawn;
}

function time(frame) {
  return `step ${episode.stepOf[frame] + 1} of ${episode.chosen.length} · ${(frame / episode.fps).toFixed(2)} s`
    + (frame === episode.scenes.length - 1 ? ` · ${episode.end}` : "");
}

function show(next) {
  frame = Math.max(0, Math.min(episode.scenes.length - 1, next));
  const step = episode.stepOf[frame];
  draw();
  showNow(step);
  const share = frame / Math.max(1, episode.scenes.length - 1);
  for (const { width, cursor } of plots) cursor.style.transform = `translateX(${gutter + (width - gutter) * share - 0.5}px)`;
  element("scrub").value = frame;
  element("clock").textContent = time(frame);
  document.documentElement.dataset.frame = frame;
  tellState();
}

function tellState() {
  document.documentElement.dataset.state = playing ? "playing" : frame === episode?.scenes.length - 1 ? "ended" : "paused";
}

function restartClock() { began = performance.now(); beganAt = frame; }

function tick(now) {
  if (!playing) return;
  const next = beganAt + Math.floor((now - began) / 1000 * episode.fps * Number(element("speed").value));
  if (next !== frame && next >= 0) show(next);
  if (frame === episode.scenes.length - 1) pause(); else requestAnimationFrame(tick);
}

function play() {
  if (frame === episode.scenes.length - 1) show(0);
  playing = true;
  tellState();
  element("play").textContent = "❚❚";
  element("play").setAttribute("aria-label", "pause");
  restartClock();
  requestAnimationFrame(tick);
}
function pause() {
  playing = false;
  tellState();
  element("play").textContent = "▶";
  element("play").setAttribute("aria-label", "play");
}
// To the end of the step `by` steps on.
function stepBy(by) {
  pause();
  const step = Math.max(-1, Math.min(episode.chosen.length - 1, episode.stepOf[frame] + by));
  show(step < 0 ? 0 : episode.lastFrameOf[step]);
}

function layout() {
  const view = episode.scenes[0], width = element("stage").clientWidth;
  canvas.width = Math.round(width * ratio());
  canvas.height = Math.round(canvas.width * view[5] / view[4]);
  canvas.style.aspectRatio = `${view[4]} / ${view[5]}`;
  for (const plot of plots) plot.redraw();
  show(frame);
}

function choose(index) {
  pause();
  episode = prepare(data.episodes[index]);
  frame = 0;
  element("title").textContent = episode.environment;
  element("subtitle").textContent = `${episode.subject} · seed ${episode.seed} · return ${short(episode.returns.at(-1) ?? 0)}`
    + ` in ${episode.chosen.length} steps`;
  element("page").classList.toggle("flat", episode.scenes[0][4] > 2.4 * episode.scenes[0][5]);
  element("scrub").max = episode.scenes.length - 1;
  // Its room from the beginning, so that nothing moves when it says more.
  element("clock").style.setProperty("--longest", time(episode.scenes.length - 1).length + "ch");
  makeNow();
  makePlots();
  layout();
}

data.episodes.forEach((episode, index) =>
  make("option", element("episode"), { value: index, textContent: `${index + 1} of ${data.episodes.length}: seed ${episode.seed}, ${short(episode.rewards.reduce((a, b) => a + (b ?? 0), 0))}` }));
element("chooser").hidden = data.episodes.length < 2;
for (const speed of speeds) make("option", element("speed"), { value: speed, textContent: speed + "×", selected: speed === 1 });
element("episode").onchange = event => { choose(Number(event.target.value)); play(); };
element("speed").onchange = restartClock;
element("play").onclick = () => playing ? pause() : play();
element("scrub").oninput = event => { pause(); show(Number(event.target.value)); };
canvas.onclick = () => playing ? pause() : play();
addEventListener("keydown", event => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.target.tagName === "SELECT") return;
  if (event.key === " " && event.target.tagName === "BUTTON") return;  // it presses the button
  const far = event.shiftKey ? 10 : 1;
  const act = {
    " ": () => playing ? pause() : play(), ArrowLeft: () => stepBy(-far), ArrowRight: () => stepBy(far),
    Home: () => { pause(); show(0); }, End: () => { pause(); show(episode.scenes.length - 1); },
  }[event.key];
  if (act) { event.preventDefault(); act(); }
});
addEventListener("resize", layout);
isDark.addEventListener("change", () => { drawings = []; backdropKey = lastKey = null; layout(); });
choose(0);
if (!matchMedia("(prefers-reduced-motion: reduce)").matches) play();
})();
