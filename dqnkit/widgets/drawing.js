// What all drawings share: elements, controls, axes, a frame loop. It is put before the module of each drawing, which
// defines `render({ model, el })`; PALETTE (name -> {color, dash}) comes from dqnkit/plots/style.py.

/** An element with attributes and children. Functions named on... are listeners. */
function made(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (value === true) element.setAttribute(name, "");
    else if (value !== false && value !== undefined) element.setAttribute(name, value);
  }
  element.append(...children);
  return element;
}

function html(tag, attributes = {}, ...children) {
  return made(document.createElement(tag), attributes, children);
}

function svg(tag, attributes = {}, ...children) {
  return made(document.createElementNS("http://www.w3.org/2000/svg", tag), attributes, children);
}

/** Whether the reader asked for less motion. */
function isCalm() {
  return window.matchMedia("(prefers-reduced-motion: reduce)").matches;
}

/** A function that has `draw` called once in the next frame, however often it is called before. */
function eachFrame(el, draw) {
  let waits = false;
  return () => {
    if (waits) return;
    waits = true;
    requestAnimationFrame(() => {
      waits = false;
      draw();
      el.dispatchEvent(new CustomEvent("dqnkit-drawn", { bubbles: true })); // tests count the frames
    });
  };
}

/** A function that passes on its argument at most every `every` ms, and always the last one. */
function paced(send, every = 100) {
  let timer = 0;
  let last = -Infinity;
  let newest;
  const call = (value) => {
    newest = value;
    if (timer) return;
    timer = setTimeout(
      () => {
        timer = 0;
        last = performance.now();
        send(newest);
      },
      Math.max(0, last + every - performance.now()),
    );
  };
  // the answer of Python takes a moment
  call.waits = () => timer !== 0 || performance.now() < last + 700;
  return call;
}

/** A function that tells Python of changed traits {name: value}, paced. */
function teller(model) {
  const save = paced(() => model.save_changes());
  return (changes) => {
    for (const [name, value] of Object.entries(changes)) model.set(name, value);
    save();
  };
}

/** A name that no other element of the page has. */
function freshName() {
  return `dqnkit-${crypto.getRandomValues(new Uint32Array(2)).join("-")}`;
}

/** Call `step(seconds since the last call)` in every frame until it returns false; returns a function that stops it. */
function animate(step) {
  let last = performance.now();
  let handle = requestAnimationFrame(function turn(now) {
    const goesOn = step(Math.max(0, now - last) / 1000);
    last = now;
    handle = goesOn === false ? 0 : requestAnimationFrame(turn);
  });
  return () => cancelAnimationFrame(handle);
}

/** Call `drawn(width in pixels)` now and whenever the width of an element changes; returns a function that stops it. */
function followWidth(el, drawn) {
  let width = 0;
  const observer = new ResizeObserver(() => {
    const now = Math.floor(el.clientWidth);
    if (now > 0 && now !== width) drawn((width = now));
  });
  observer.observe(el);
  return () => observer.disconnect();
}

/** Follow a pointer (mouse, pen, finger) that is pressed on an element: `moved(event)` at once and at every move. */
function dragged(element, moved, ended = () => {}) {
  element.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    element.setPointerCapture(event.pointerId);
    moved(event, true);
    event.preventDefault();
  });
  element.addEventListener("pointermove", (event) => element.hasPointerCapture(event.pointerId) && moved(event, false));
  element.addEventListener("lostpointercapture", ended);
}

/** Keep the keys of a control from the page: JupyterLab would move to another cell. */
function ownKeys(element) {
  element.addEventListener("keydown", (event) => {
    if (!event.ctrlKey && !event.metaKey && event.key !== "Escape" && event.key !== "Tab") event.stopPropagation();
  });
  element.setAttribute("data-lm-suppress-shortcuts", "true");
  return element;
}

/**
 * A slider with its name and its value. `changed(value)` is called while it moves. With `log`, powers of ten are at
 * equal distances. The returned element has `set(value)`, which calls nothing, and `get()`.
 */
function slider({ name, low, high, step = 0, value, log = false, format = shown, changed, title }) {
  const to = log ? Math.log10 : (x) => x;
  const from = log ? (x) => 10 ** x : (x) => x;
  const size = log ? 0.01 : step || (high - low) / 100;
  const input = html("input", { type: "range", min: to(low), max: to(high), step: size, title });
  const output = html("output", { "aria-live": "off" }); // the slider itself says its value
  const rounded = () => {
    const exact = Math.min(high, Math.max(low, from(Number(input.value))));
    return log && step >= 1 ? Math.max(step, Math.round(exact / step) * step) : exact;
  };
  const say = () => {
    output.textContent = format(rounded());
    input.setAttribute("aria-valuetext", format(rounded()));
  };
  input.addEventListener("input", () => {
    say();
    changed(rounded());
  });
  const whole = html("label", { class: "slider" }, html("span", {}, name), ownKeys(input), output);
  whole.get = rounded;
  whole.set = (next) => {
    input.value = to(Math.min(high, Math.max(low, next)));
    say();
  };
  whole.input = input;
  whole.set(value);
  return whole;
}

function button(text, clicked, attributes = {}) {
  return ownKeys(html("button", { type: "button", onclick: clicked, ...attributes }, text));
}

/** Buttons of which one is pressed; the arrow keys choose, too. `options` are [text, value]. */
function choice(name, options, value, changed) {
  const group = ownKeys(html("div", { role: "radiogroup", "aria-label": name, class: "row", style: "gap: 4px" }));
  const set = (next, focus = false) => {
    for (const [index, element] of [...group.children].entries()) {
      const chosen = options[index][1] === next;
      element.setAttribute("aria-checked", chosen);
      element.tabIndex = chosen ? 0 : -1;
      if (chosen && focus) element.focus();
    }
    value = next;
  };
  for (const [text, option] of options) {
    const clicked = () => {
      set(option);
      changed(option);
    };
    group.append(html("button", { type: "button", role: "radio", onclick: clicked }, text));
  }
  group.addEventListener("keydown", (event) => {
    const by = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
    if (!by) return;
    event.preventDefault();
    const at = options.findIndex(([, option]) => option === value);
    set(options[(at + by + options.length) % options.length][1], true);
    changed(value);
  });
  set(value);
  group.set = set;
  return group;
}

/** An element that screen readers read out, at most every five seconds and always the last text. */
function speaker() {
  const element = html("div", { role: "status", "aria-live": "polite", class: "spoken" });
  let last = -Infinity;
  let timer = 0;
  element.say = (text) => {
    clearTimeout(timer);
    const speak = () => {
      last = performance.now();
      if (element.textContent !== text) element.textContent = text;
    };
    timer = setTimeout(speak, Math.max(0, last + 5000 - performance.now()));
  };
  return element;
}

/** A number as text with two or three digits that matter: 7.91, 0.034, 12,000, 3.2e+5. */
function shown(value, digits = 3) {
  if (!Number.isFinite(value)) return "none";
  if (value === 0) return "0"; // and not −0
  const size = Math.abs(value);
  if (size >= 1e6 || size < 1e-3) return value.toExponential(1).replace("e+", "e").replace("-", "−");
  const zeros = size < 0.1 ? Math.ceil(-Math.log10(size) - 1e-9) - 1 : 0; // behind the point
  const places = size >= 100 ? 0 : size >= 10 ? Math.max(0, digits - 2) : digits - 1 + zeros;
  const text = value.toLocaleString("en-US", { minimumFractionDigits: 0, maximumFractionDigits: places });
  return text.replace("-", "−");
}

/** The least of 1, 2, 3, 5, 7 times a power of ten that is not below a value. */
function roundUp(value, steps = [1, 2, 3, 5, 7, 10]) {
  if (!(value > 0)) return 0;
  const power = 10 ** Math.floor(Math.log10(value));
  return (steps.find((step) => step * power >= value * (1 - 1e-9)) ?? 20) * power;
}

/** At most about `most` round values from low to high. */
function ticksOf(low, high, most = 6) {
  const step = roundUp((high - low) / most, [1, 2, 5, 10]);
  if (!(step > 0)) return [low];
  const values = [];
  for (let n = Math.ceil(low / step - 1e-9); n * step <= high + step * 1e-9; n++) values.push(n * step + 0); // and not −0
  return values;
}

/**
 * A chart with two axes. `x` and `y` are {name, low, high, format}; with `log`, powers of ten are at equal distances.
 * Draw into `chart.data` with `chart.line` and `chart.dots`; `chart.fit(width)` draws the axes anew.
 */
class Chart {
  constructor({ x, y, height = 220, label, margins = {} }) {
    this.x = x;
    this.y = y;
    this.height = height;
    this.margins = { left: 52, right: 14, top: 10, bottom: 38, ...margins };
    this.axes = svg("g", { "aria-hidden": "true" });
    this.data = svg("g");
    this.element = svg("svg", { role: "img", "aria-label": label, height }, this.axes, this.data);
  }

  /** The pixel of a value, and the value of a pixel. */
  px(value) {
    return this.margins.left + this.#share(this.x, value) * this.plotWidth;
  }
  py(value) {
    return this.height - this.margins.bottom - this.#share(this.y, value) * this.plotHeight;
  }
  valueX(pixel) {
    return this.#value(this.x, (pixel - this.margins.left) / this.plotWidth);
  }
  valueY(pixel) {
    return this.#value(this.y, (this.height - this.margins.bottom - pixel) / this.plotHeight);
  }
  get plotWidth() {
    return Math.max(1, this.width - this.margins.left - this.margins.right);
  }
  get plotHeight() {
    return Math.max(1, this.height - this.margins.top - this.margins.bottom);
  }

  /** Draw the axes for a width in pixels. */
  fit(width) {
    this.width = width;
    this.element.setAttribute("width", width);
    this.element.setAttribute("viewBox", `0 0 ${width} ${this.height}`);
    this.axes.replaceChildren(...this.#axes());
  }

  /** A path through points [x, y]; values that are not finite leave gaps. */
  path(points) {
    let pen = "M";
    let text = "";
    for (const [x, y] of points) {
      if (!Number.isFinite(x) || !Number.isFinite(y)) {
        pen = "M";
        continue;
      }
      text += `${pen}${this.px(x).toFixed(1)} ${this.py(y).toFixed(1)}`;
      pen = "L";
    }
    return text;
  }

  /** A line in the colour and the dashes of a quantity. */
  line(points, quantity = "reference", attributes = {}) {
    return svg("path", { d: this.path(points), ...lineLook(quantity), "stroke-linejoin": "round", ...attributes });
  }

  dots(points, quantity, radius = 2, attributes = {}) {
    const text = points
      .filter(([x, y]) => Number.isFinite(x) && Number.isFinite(y))
      .map(([x, y]) => `M${this.px(x).toFixed(1)} ${this.py(y).toFixed(1)}h0`)
      .join("");
    const style = { stroke: PALETTE[quantity].color, "stroke-width": 2 * radius, "stroke-linecap": "round" };
    return svg("path", { d: text, fill: "none", ...style, ...attributes });
  }

  /** The point of a pointer event, as values. */
  at(event) {
    const box = this.element.getBoundingClientRect();
    return [this.valueX(event.clientX - box.left), this.valueY(event.clientY - box.top)];
  }

  #share({ low, high, log }, value) {
    if (log) return (Math.log10(Math.max(value, low / 10)) - Math.log10(low)) / (Math.log10(high) - Math.log10(low));
    return (value - low) / (high - low || 1);
  }
  #value({ low, high, log }, share) {
    return log ? low * (high / low) ** share : low + share * (high - low);
  }
  #ticks({ low, high, log, ticks }, most) {
    if (ticks) return ticks;
    if (!log) return ticksOf(low, high, most);
    const values = [];
    for (let power = Math.ceil(Math.log10(low) - 1e-9); 10 ** power <= high * (1 + 1e-9); power++) values.push(10 ** power);
    const every = Math.ceil(values.length / most);
    return values.filter((_, index) => index % every === 0);
  }
  *#axes() {
    const { left, top } = this.margins;
    const right = left + this.plotWidth;
    const floor = top + this.plotHeight;
    for (const value of this.#ticks(this.y, Math.max(2, Math.round(this.plotHeight / 36)))) {
      const y = this.py(value);
      yield svg("path", { class: "grid", d: `M${left} ${y}H${right}` });
      yield svg("text", { x: left - 6, y: y + 4, "text-anchor": "end" }, (this.y.format ?? shown)(value));
    }
    const xs = this.#ticks(this.x, Math.max(2, Math.min(6, Math.round(this.plotWidth / 80))));
    for (const value of xs) {
      const x = this.px(value);
      const anchor = x > right - 12 ? "end" : "middle";
      yield svg("path", { class: "axis", d: `M${x} ${floor}v4` });
      yield svg("text", { x: anchor === "end" ? right + 4 : x, y: floor + 16, "text-anchor": anchor }, (this.x.format ?? shown)(value));
    }
    yield svg("path", { class: "axis", d: `M${left} ${top}V${floor}H${right}` });
    yield svg("text", { x: (left + right) / 2, y: floor + 32, "text-anchor": "middle", class: "soft" }, this.x.name);
    const middle = (top + floor) / 2;
    yield svg("text", { x: 12, y: middle, "text-anchor": "middle", class: "soft", transform: `rotate(-90 12 ${middle})` }, this.y.name);
  }
}

/** Numbers from Python: a trait of bytes that holds float32, or a list, as a page has it. */
function floats(value) {
  if (Array.isArray(value)) return Float32Array.from(value, (number) => number ?? NaN);
  // a copy, as numbers of four bytes must begin at a multiple of four
  return new Float32Array(value.buffer.slice(value.byteOffset, value.byteOffset + value.byteLength));
}

/** `share` of the way between two colours "#RRGGBB". */
function mixed(share, from, to) {
  const channels = (color) => [1, 3, 5].map((place) => parseInt(color.slice(place, place + 2), 16));
  const [a, b] = [channels(from), channels(to)];
  return `rgb(${a.map((value, index) => Math.round(value + share * (b[index] - value))).join(" ")})`;
}

/** Call `drawn()` after the page's theme has changed, for what a canvas shows; returns a function that stops it. */
function followTheme(drawn) {
  const observer = new MutationObserver(() => setTimeout(drawn, 100));
  observer.observe(document.body, { attributes: true, attributeFilter: ["data-jp-theme-name", "class", "theme"] });
  return () => observer.disconnect();
}

/** A row that says which quantity each line of a chart shows: `lines` are [name, quantity]. */
function lineLegend(lines) {
  const entries = lines.map(([name, quantity]) => {
    const sample = svg("svg", { width: 28, height: 10, "aria-hidden": "true" }, svg("path", { d: "M0 5H28", ...lineLook(quantity) }));
    return html("span", { class: "row", style: "gap: 6px" }, sample, name);
  });
  return html("div", { class: "row" }, ...entries);
}

/** A large number above its unit, at least as wide as `letters`, so that nothing jumps; `say(text)` changes it. */
function tally(unit, letters) {
  const number = html("div", { class: "number", style: `min-width: ${letters}ch` });
  const whole = html("div", {}, number, html("div", { class: "unit" }, unit));
  whole.say = (text) => (number.textContent = text);
  return whole;
}

/**
 * A chart of a run as the track of its play bar: dragging along it, or the arrow keys, chooses a moment; a button plays.
 * `moments` are growing values on the chart's x axis. `changed(index)` hears which one is chosen, `words(index)` says it
 * to screen readers, and `heights[index]`, where given, is the place of the handle on the y axis. What is still to come
 * is pale. Returned are the `button`, `set(index)`, `draw()` for after the chart was fitted, and `stop()`.
 */
function playBar({ chart, name, moments, heights = [], words, changed, seconds = 8 }) {
  const last = moments.length - 1;
  const veil = svg("rect", { class: "ground", opacity: 0.65, "pointer-events": "none" });
  const line = svg("path", { class: "playhead", "pointer-events": "none" });
  const handle = svg("circle", { class: "playhead", r: 6, "pointer-events": "none" });
  chart.element.append(veil, line, handle);
  const range = { "aria-valuemin": 0, "aria-valuemax": last };
  const track = ownKeys(made(chart.element, { role: "slider", tabindex: 0, "aria-label": name, ...range }, []));
  track.style.cursor = "ew-resize";
  let at = last;
  let stopPlaying = null;

  function draw() {
    const { left, top } = chart.margins;
    const x = chart.px(moments[at]);
    const y = Number.isFinite(heights[at]) ? chart.py(heights[at]) : top + chart.plotHeight;
    made(veil, { x, y: top, width: Math.max(0, left + chart.plotWidth + 1 - x), height: chart.plotHeight }, []);
    line.setAttribute("d", `M${x} ${top}V${top + chart.plotHeight}`);
    made(handle, { cx: x, cy: y }, []);
  }
  function set(next) {
    at = Math.min(last, Math.max(0, next));
    track.setAttribute("aria-valuenow", at);
    track.setAttribute("aria-valuetext", words(at));
    if (chart.width) draw();
    changed(at);
  }
  function stop() {
    stopPlaying?.();
    stopPlaying = null;
    play.textContent = "▶ Play";
  }
  const play = button("▶ Play", () => {
    if (stopPlaying) return stop();
    if (at === last) set(0);
    play.textContent = "❚❚ Pause";
    let place = at;
    stopPlaying = animate((passed) => {
      place += (passed / seconds) * last;
      if (Math.floor(place) > at) set(Math.floor(place));
      if (at === last) stop();
      return at < last;
    });
  });
  play.style.minWidth = "84px";

  dragged(track, (event) => {
    stop();
    track.focus({ preventScroll: true });
    const wanted = chart.at(event)[0];
    let nearest = 0;
    for (const [index, moment] of moments.entries()) {
      if (Math.abs(moment - wanted) < Math.abs(moments[nearest] - wanted)) nearest = index;
    }
    set(nearest);
  });
  track.addEventListener("keydown", (event) => {
    const by = { ArrowRight: 1, ArrowUp: 1, ArrowLeft: -1, ArrowDown: -1, PageUp: 10, PageDown: -10, Home: -last, End: last };
    if (event.key === " ") play.click();
    else if (event.key in by) {
      stop();
      set(at + by[event.key]);
    } else return;
    event.preventDefault();
  });
  return { button: play, set, draw, stop };
}

/** A generator of random numbers in [0, 1) that begins with a seed (mulberry32, a public algorithm). */
function seeded(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** A large number with its unit and what it counts in small letters; `say(number, unit)` changes both. */
function largeNumber() {
  const number = html("span", { class: "number" });
  const unit = html("span", { class: "unit" });
  const whole = html("div", {}, number, " ", unit);
  whole.say = (text, what) => {
    number.textContent = text;
    unit.textContent = what;
  };
  return whole;
}

/** What a colour or a line means: `look` is {color}, {dot: color}, {hatched: true} or {line: quantity}. */
function key(name, { color, dot, line, hatched = false }) {
  const swatch = svg("svg", { width: line ? 28 : 16, height: 12, "aria-hidden": "true" });
  if (line) swatch.append(svg("path", { d: "M0 6H28", ...lineLook(line) }));
  else if (hatched) swatch.append(hatching("M0 0H16V12H0Z"));
  else if (dot) swatch.append(svg("circle", { cx: 8, cy: 6, r: 6, fill: dot }));
  else swatch.append(svg("rect", { width: 16, height: 12, fill: color }));
  return html("span", { class: "key" }, swatch, name);
}

/** The colour and the dashes of a quantity; the style sheet changes the colours that dark ground would hide. */
function lineLook(quantity) {
  const { color, dash } = PALETTE[quantity];
  return { class: `of-${quantity.split(" ")[0]}`, fill: "none", stroke: color, "stroke-width": 2, "stroke-dasharray": dash };
}

/** Idle time: an area filled with oblique lines; `cover(path)` gives it its shape. */
function hatching(path = "") {
  const name = freshName(); // the page has others
  const line = svg("path", { d: "M-2 2L2 -2M-2 10L10 -2M6 10L10 6", class: "axis", "stroke-width": 1.3 });
  const strokes = svg("pattern", { id: name, width: 8, height: 8, patternUnits: "userSpaceOnUse" }, line);
  const areas = [svg("path", { class: "ground" }), svg("path", { fill: `url(#${name})` })];
  const whole = svg("g", {}, svg("defs", {}, strokes), ...areas);
  whole.cover = (d) => areas.forEach((area) => area.setAttribute("d", d));
  whole.cover(path);
  return whole;
}

/** The path of bars {row, begin, end} in a chart whose y counts rows from the top; what lies beyond its x is cut. */
function barsPath(chart, bars, inset = 0.08) {
  return bars
    .filter(({ begin, end }) => begin < chart.x.high && end > begin)
    .map(({ row, begin, end }) => {
      const [left, right] = [chart.px(begin), chart.px(Math.min(end, chart.x.high))].map((x) => x.toFixed(1));
      const [top, bottom] = [chart.py(row + inset), chart.py(row + 1 - inset)].map((y) => y.toFixed(1));
      return `M${left} ${top}H${right}V${bottom}H${left}Z`;
    })
    .join("");
}

/** Let drawings on the page find the model of a widget that has the trait `link`; returns a function that ends it. */
function offerLink(model) {
  const links = (window.dqnkitLinks ??= new Map());
  const link = model.get("link");
  if (!link) return undefined;
  links.set(link, model);
  window.dispatchEvent(new CustomEvent("dqnkit-link", { detail: link }));
  return () => links.delete(link);
}

/** Call `connected(model)` with the widget behind a drawing on the page: now, later, or never where no kernel runs. */
function whenLinked(model, connected) {
  const link = model.get("link");
  const live = model.send ? model : window.dqnkitLinks?.get(link);
  if (live) connected(live);
  window.addEventListener("dqnkit-link", (event) => event.detail === link && connected(window.dqnkitLinks.get(link)));
}
