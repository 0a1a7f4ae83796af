// What both pages draw, and how they hear from the server. Text from the server only ever becomes text nodes.

const SVG = "http://www.w3.org/2000/svg";

/** An element with attributes and children; a child that is text becomes a text node. */
export function element(name, attributes = {}, ...children) {
  const is = ["svg", "g", "line", "path", "rect", "text", "circle", "polyline", "polygon"].includes(name);
  const made = is ? document.createElementNS(SVG, name) : document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
}

export const byId = (id) => document.getElementById(id);
export const plural = (count, one, many = `${one}s`) => `${count.toLocaleString("en")} ${count === 1 ? one : many}`;

/** A number with four digits that count. */
export function short(value) {
  return Math.abs(value) >= 1e7 ? value.toExponential(2) : Number(value.toPrecision(4)).toLocaleString("en", { maximumSignificantDigits: 4 });
}

const SILENCE = 25_000; // milliseconds; the server sends a picture at least every 10 s
const PAUSE = 1500; // milliseconds before another try, and at most twice as long for an answer

/**
 * Hear of every picture of the class; `show(picture)` draws it. The page goes on after a lost connection by itself.
 *
 * A proxy can leave the connection open though the server behind it is gone: silence counts as a lost connection too.
 */
export function connect(page, show) {
  const status = byId("connection");
  let heard = null;
  const listen = () => {
    const source = new EventSource(`api/pictures?page=${page}`);
    const lost = () => {
      const since = heard ? ` This is the class at ${heard.toLocaleTimeString("en", { hour: "2-digit", minute: "2-digit" })}.` : "";
      status.textContent = `No connection to the server; trying again.${since}`;
    };
    const leave = () => {
      clearTimeout(watch);
      source.close();
      lost();
      setTimeout(() => again(listen, status), PAUSE);
    };
    let watch = setTimeout(leave, SILENCE);
    source.onmessage = (message) => {
      clearTimeout(watch);
      watch = setTimeout(leave, SILENCE);
      heard = new Date();
      status.textContent = "";
      show(JSON.parse(message.data));
    };
    source.onerror = () => (source.readyState === EventSource.CLOSED ? leave() : lost()); // closed: a proxy answered
  };
  listen();
}

async function again(listen, status) {
  let answer = null;
  try {
    answer = await fetch("api/me", { cache: "no-store", signal: AbortSignal.timeout(2 * PAUSE) });
  } catch {
    // no server: try again below
  }
  if (answer?.status === 401) {
    if ((await answer.json().catch(() => ({}))).login) return location.reload(); // a hub's login: a service started again knows nobody
    status.textContent = "The server does not know this page any more. Open it again with its link.";
    return;
  }
  listen();
}

/** The button that changes between a light and a dark page, which the browser remembers. */
export function themeButton() {
  const button = byId("theme");
  const set = (dark) => {
    document.documentElement.dataset.theme = dark ? "dark" : "light";
    button.setAttribute("aria-pressed", String(dark));
  };
  set((localStorage.getItem("dqnkit-theme") ?? (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light")) === "dark");
  button.addEventListener("click", () => {
    const dark = document.documentElement.dataset.theme !== "dark";
    localStorage.setItem("dqnkit-theme", dark ? "dark" : "light");
    set(dark);
  });
}

/** Draw the answers to a question into an element. */
export function drawAnswers(where, question, isNew) {
  const drawing = question.drawing;
  if (drawing.bars) drawOptions(where, drawing);
  else if (drawing.bins) drawChart(where, (box) => numbers(box, drawing, isNew), spokenNumbers(drawing));
  else drawChart(where, (box) => lines(box, drawing, isNew), spokenLines(drawing));
}

function drawOptions(where, drawing) {
  const most = Math.max(1, ...drawing.bars.map((bar) => bar.count));
  const happenedMost = Math.max(0, ...drawing.bars.map((bar) => bar.happened));
  let list = where.querySelector(".options");
  if (list?.children.length !== drawing.bars.length) {
    list = element("ul", { class: "options" });
    list.append(
      ...drawing.bars.map(() =>
        element(
          "li",
          { class: "option" },
          element("span", { class: "label" }),
          element("div", { class: "track" }, element("div", { class: "bar" })),
          element("span", { class: "count" }),
          element("span", { class: "truth" }),
        ),
      ),
    );
    where.replaceChildren(list);
  }
  drawing.bars.forEach((bar, i) => {
    const row = list.children[i];
    const happened = bar.happened > 0 && bar.happened === happenedMost;
    row.classList.toggle("happened", happened);
    row.querySelector(".label").textContent = bar.label;
    row.querySelector(".bar").style.width = `${(100 * bar.count) / most}%`;
    row.querySelector(".count").textContent = bar.count;
    const runs = drawing.runs;
    row.querySelector(".truth").textContent = bar.happened
      ? `${happened ? "✓ what happened, " : ""}in ${bar.happened} of ${plural(runs, "run")}`
      : "";
  });
}

/** Draw a picture of the element's own size, and again when that changes. */
function drawChart(where, draw, spoken) {
  let chart = where.querySelector(".chart");
  if (!chart) {
    chart = element("div", { class: "chart" });
    where.replaceChildren(chart);
    new ResizeObserver(() => chart.redraw?.()).observe(chart);
  }
  chart.redraw = () => {
    const width = chart.clientWidth, height = chart.clientHeight;
    if (!width || !height) return;
    const font = parseFloat(getComputedStyle(chart).fontSize);
    const svg = element("svg", { viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": spoken });
    svg.append(...draw({ width, height, font }));
    chart.replaceChildren(svg);
  };
  chart.redraw();
}

const text = (x, y, size, said, more = {}) => element("text", { x, y, "font-size": size, ...more }, said);

function numbers({ width, height, font }, drawing, isNew) {
  const small = 0.75 * font, parts = [], counts = [];
  const bins = drawing.bins;
  if (!bins.length) return [text(width / 2, height / 2, font, "Nobody has answered yet.", { "text-anchor": "middle", class: "soft" })];
  const sides = [drawing.below, drawing.above];
  const edge = 5.5 * small, left = sides[0] ? edge : 0.8 * font, right = width - (sides[1] ? edge : 0.8 * font);
  const top = 2.6 * font, bottom = height - 3.1 * small;
  // the axis grows to what happened, if that is outside
  const low = Math.min(bins[0].low, drawing.happened ?? Infinity), high = Math.max(bins.at(-1).high, drawing.happened ?? -Infinity);
  const x = (value) => left + ((value - low) / (high - low)) * (right - left);
  const most = Math.max(...bins.map((bin) => bin.count), ...sides.map((side) => side?.count ?? 0));
  const tall = (count) => (count / most) * (bottom - top);
  for (const bin of bins) {
    if (!bin.count) continue;
    const begin = x(bin.low) + 1, wide = Math.max(2, x(bin.high) - x(bin.low) - 2);
    parts.push(element("rect", { class: "bin", x: begin, y: bottom - tall(bin.count), width: wide, height: tall(bin.count) }));
    if (wide > small) counts.push(text(begin + wide / 2, bottom - tall(bin.count) - 0.25 * small, small, bin.count, { "text-anchor": "middle", class: "over" }));
  }
  sides.forEach((side, i) => {
    if (!side) return;
    const begin = i ? right + 0.12 * edge : 0.03 * edge, wide = 0.8 * edge;
    parts.push(element("rect", { class: "far", x: begin, y: bottom - tall(side.count), width: wide, height: tall(side.count) }));
    parts.push(text(begin + wide / 2, bottom - tall(side.count) - 0.25 * small, small, side.count, { "text-anchor": "middle" }));
    const range = side.from === side.to ? short(side.from) : `${short(side.from)}–${short(side.to)}`;
    parts.push(text(begin + wide / 2, bottom + 1.2 * small, 0.85 * small, range, { "text-anchor": "middle", class: "soft" }));
    parts.push(text(begin + wide / 2, bottom + 2.3 * small, 0.85 * small, "far off", { "text-anchor": "middle", class: "soft" }));
  });
  parts.push(element("line", { class: "axis", x1: left, x2: right, y1: bottom, y2: bottom }));
  const every = Math.ceil(bins.length / Math.max(2, Math.floor((right - left) / (6 * small))));
  for (let i = 0; i <= bins.length; i += every) {
    const value = i < bins.length ? bins[i].low : bins.at(-1).high;
    parts.push(element("line", { class: "axis", x1: x(value), x2: x(value), y1: bottom, y2: bottom + 5 }));
    parts.push(text(x(value), bottom + 1.2 * small, small, short(value), { "text-anchor": "middle" }));
  }
  parts.push(text(right, bottom + 2.5 * small, small, drawing.unit, { "text-anchor": "end", class: "soft" }));
  if (drawing.happened !== null) {
    const at = x(drawing.happened);
    const anchor = at < width * 0.3 ? "start" : at > width * 0.7 ? "end" : "middle";
    const said = `what happened: ${short(drawing.happened)} ${drawing.unit}`;
    parts.push(element("line", { class: `truth${isNew ? " grows" : ""}`, x1: at, x2: at, y1: 1.5 * font, y2: bottom }));
    parts.push(text(at, 1.1 * font, font, said, { "text-anchor": anchor, class: "truth-text" }));
  }
  return [...parts, ...counts];
}

function spokenNumbers(drawing) {
  const answers = drawing.bins.reduce((sum, bin) => sum + bin.count, 0) + (drawing.below?.count ?? 0) + (drawing.above?.count ?? 0);
  const middle = answers ? `, median ${short(drawing.median)} ${drawing.unit}` : "";
  const happened = drawing.happened === null ? "" : `. What happened: ${short(drawing.happened)} ${drawing.unit}, the median of ${plural(drawing.runs, "run")}`;
  return `Histogram of ${plural(answers, "prediction")}${middle}${happened}.`;
}

function lines({ width, height, font }, drawing, isNew) {
  const small = 0.75 * font, parts = [];
  const left = 4.2 * small, right = width - font, top = 1.9 * font, bottom = height - 2.6 * small;
  const known = drawing.happened.filter((value) => value !== null);
  const low = Math.min(drawing.range[0], ...known), high = Math.max(drawing.range[1], ...known);
  const x = (share) => left + share * (right - left);
  const y = (value) => bottom - ((value - low) / (high - low)) * (bottom - top);
  const points = (values) => values.map((value, i) => `${x(i / (values.length - 1))},${y(value)}`).join(" ");
  for (const value of [low, (low + high) / 2, high]) {
    parts.push(text(left - 0.4 * small, y(value) + 0.35 * small, small, short(value), { "text-anchor": "end" }));
  }
  parts.push(element("polyline", { class: "axis", points: `${left},${top} ${left},${bottom} ${right},${bottom}` }));
  for (const share of [0, 0.5, 1]) {
    const anchor = share === 0 ? "start" : share === 1 ? "end" : "middle";
    parts.push(text(x(share), bottom + 1.2 * small, small, short(share * drawing.axis.end), { "text-anchor": anchor }));
  }
  parts.push(text(right, bottom + 2.3 * small, small, drawing.axis.name, { "text-anchor": "end", class: "soft" }));
  parts.push(text(left, 1.1 * font, small, drawing.unit, { class: "soft" }));
  const [lower, median, upper] = drawing.middle;
  if (median) parts.push(element("polygon", { class: "half", points: `${points(lower)} ${points(upper).split(" ").reverse().join(" ")}` }));
  for (const line of drawing.lines) parts.push(element("polyline", { class: "one", points: points(line) }));
  if (median) parts.push(element("polyline", { class: "median", points: points(median) }));
  if (known.length) {
    const share = (i) => i / (drawing.happened.length - 1);
    const seen = drawing.happened.map((value, i) => [value, share(i)]).filter(([value]) => value !== null);
    parts.push(element("polyline", { class: `truth${isNew ? " grows" : ""}`, points: seen.map(([value, at]) => `${x(at)},${y(value)}`).join(" ") }));
    for (const [value, at] of seen) parts.push(element("circle", { class: "truth-dot", cx: x(at), cy: y(value), r: 5 }));
    parts.push(text(right, 1.1 * font, font, `what happened (median of ${plural(drawing.runs, "run")})`, { "text-anchor": "end", class: "truth-text" }));
  }
  return parts;
}

function spokenLines(drawing) {
  const end = drawing.middle.length ? `; their median ends at ${short(drawing.middle[1].at(-1))} ${drawing.unit}` : "";
  const last = drawing.happened.at(-1);
  const happened = last === undefined || last === null ? "" : `. What happened ended at ${short(last)} ${drawing.unit}`;
  return `Drawn predictions${end}${happened}.`;
}

/** Draw the wall: a course of bricks for each exercise, as long as the class is large; `before` are the counts so far. */
export function drawWall(where, wall, students, before, most) {
  const rows = wall.slice(-most);
  where.replaceChildren(
    ...rows.map((row) => {
      const bricks = element("div", { class: "bricks", "aria-hidden": "true" });
      const size = Math.max(students, row.tried, 1), wide = `calc((100% - ${2 * (size - 1)}px) / ${size})`;
      for (let i = 0; i < row.tried; i++) {
        const passed = i < row.passed, fresh = passed && i >= (before.get(row.exercise) ?? row.passed);
        const brick = element("div", { class: `brick${passed ? " passed" : ""}${fresh ? " new" : ""}` });
        brick.style.width = wide;
        bricks.append(brick);
      }
      before.set(row.exercise, row.passed);
      return element(
        "div",
        { class: "course" },
        element("span", { class: "title" }, row.exercise, element("span", { class: "soft" }, ` ${row.notebook.slice(0, 2)}`)),
        element("span", { class: "how" }, `${row.passed} of ${row.tried}`),
        bricks,
      );
    }),
  );
  if (!rows.length) where.append(element("p", { class: "soft" }, "A brick is laid for every check that passes."));
  if (wall.length > rows.length) where.append(element("p", { class: "soft" }, `and ${plural(wall.length - rows.length, "earlier exercise")}`));
}
