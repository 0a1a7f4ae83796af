// The content of a replay buffer along a run in a grid world, and a batch from it. The data of the run are in the page.

const STEPS_A_SECOND = 250; // while it plays
const BATCH_EVERY = 250; // ms at least between two batches while the buffer moves
const MOVES = 4; // actions of a grid world

/** The numbers of an array that Python packed. */
function unpacked({ type, base64 }) {
  const bytes = Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
  return type === "uint8" ? bytes : new Uint16Array(bytes.buffer);
}

/** The steps of a run: {states, actions, nextStates, episodes}, each one number a step. */
function runOf(packed) {
  const begins = unpacked(packed.begins); // 4 x state + action
  const ends = unpacked(packed.ends); // 2 x next state + whether an episode begins with this step
  let episode = -1;
  return {
    states: begins.map((number) => number >> 2),
    actions: begins.map((number) => number & 3),
    nextStates: ends.map((number) => number >> 1),
    episodes: Int32Array.from(ends, (number) => (episode += number & 1)),
  };
}

/** A whole number as Python writes it: halves go to the even one. */
function rounded(value) {
  return value.toLocaleString("en-US", { maximumFractionDigits: 0, roundingMode: "halfEven" });
}

/** What a list of steps is, in words: ages, number of episodes, different moves; as `BufferView.facts` in Python. */
function factsOf(run, now, steps) {
  if (!steps.length) return ["–", "0", "0 (0 duplicates)"];
  let [youngest, oldest, sum] = [Infinity, -Infinity, 0];
  const [episodes, moves] = [new Set(), new Set()];
  for (const step of steps) {
    const age = now - 1 - step;
    youngest = Math.min(youngest, age);
    oldest = Math.max(oldest, age);
    sum += age;
    episodes.add(run.episodes[step]);
    moves.add(run.states[step] * MOVES + run.actions[step]);
  }
  return [
    `${rounded(youngest)} to ${rounded(oldest)}, mean ${rounded(sum / steps.length)}`,
    rounded(episodes.size),
    `${rounded(moves.size)} (${rounded(steps.length - moves.size)} duplicates)`,
  ];
}

function countTo(begin, end) {
  return Array.from({ length: end - begin }, (_, index) => begin + index);
}

function render({ model, el }) {
  const run = runOf(model.get("run"));
  const total = run.states.length;
  const side = model.get("size");
  const size = model.get("batch_size");
  const phases = model.get("phases"); // [name, step at which it ends]
  const random = seeded(model.get("seed"));
  let now = model.get("now");
  let capacity = model.get("capacity");
  let atRandom = true;
  let batch = []; // steps
  let drawnAt = -Infinity; // ms
  let stop = null; // of playing

  const first = () => Math.max(0, now - capacity);

  function drawBatch() {
    const kept = now - first();
    batch = atRandom
      ? Array.from({ length: size }, () => first() + Math.floor(random() * kept))
      : countTo(Math.max(first(), now - size), now);
    drawnAt = performance.now();
  }
  /** While the buffer moves, a batch stays for a moment, as long as all of it is in the buffer. */
  function follow() {
    const isGone = batch.some((step) => step < first() || step >= now);
    if (!atRandom || isGone || performance.now() - drawnAt > BATCH_EVERY) drawBatch();
    draw();
  }

  const room = new Room(side);
  const times = new Times(total, phases);
  const cells = ["", "", "", ""].map(() => [html("td"), html("td")]);
  const names = ["transitions", "age in steps", "episodes", "different moves"];
  const rows = names.map((name, row) => html("tr", {}, html("th", { scope: "row" }, name), ...cells[row]));
  const head = html("tr", {}, html("td"), ...["in the buffer", "in the batch"].map((name) => html("th", { scope: "col" }, name)));
  const known = largeNumber();
  const met = largeNumber();
  const said = speaker();

  const draw = eachFrame(el, () => {
    const kept = countTo(first(), now);
    const counts = new Uint32Array(side * side);
    for (const step of kept) counts[run.states[step]] += 1;
    room.draw(run, counts, batch, now);
    times.draw(first(), now, batch);
    const facts = [kept, batch].map((steps) => factsOf(run, now, steps));
    cells[0][0].textContent = `${rounded(kept.length)} of ${rounded(capacity)} slots`;
    cells[0][1].textContent = `${batch.length}`;
    for (const row of [0, 1, 2]) for (const column of [0, 1]) cells[row + 1][column].textContent = facts[column][row];
    const squares = [counts.filter((count) => count > 0).length, new Set(batch.map((step) => run.states[step])).size];
    known.say(`${squares[0]}`, "squares are in the buffer");
    met.say(`${squares[1]}`, "of them in the batch");
    const summary = `After step ${rounded(now)}: the buffer knows ${squares[0]} squares, the batch comes from ${squares[1]} of them.`;
    room.element.setAttribute("aria-label", `A room of ${side} by ${side} squares. ${summary}`);
    times.element.setAttribute("aria-label", `Steps ${rounded(first())} to ${rounded(now - 1)} of ${rounded(total)} are kept.`);
    said.say(summary);
  });

  function move(next) {
    now = Math.min(total, Math.max(1, Math.round(next)));
    steps.set(now);
    follow();
  }
  function play(goesOn) {
    stop?.();
    stop = null;
    playButton.textContent = goesOn ? "‖ Pause" : "▶ Play";
    if (!goesOn) return;
    if (now === total) move(1);
    let walked = 0; // since the last picture
    stop = animate((seconds) => {
      walked += STEPS_A_SECOND * seconds;
      const least = isCalm() ? STEPS_A_SECOND / 2 : 1;
      if (walked >= least) {
        move(now + Math.floor(walked));
        walked %= 1;
      }
      if (now < total) return true;
      play(false);
      return false;
    });
  }

  const steps = slider({
    name: "steps so far", low: 1, high: total, step: 1, value: now, format: rounded,
    changed: (value) => {
      play(false);
      now = value;
      follow();
    },
  });
  steps.style.flex = "1 1 280px";
  const sizes = model.get("capacities").map((number) => [rounded(number), number]);
  const capacities = choice("Capacity of the buffer", sizes, capacity, (value) => {
    capacity = value;
    drawBatch();
    draw();
  });
  const ways = choice("How a batch is drawn", [["at random", true], [`the newest ${size}`, false]], atRandom, (value) => {
    atRandom = value;
    drawBatch();
    draw();
  });
  const another = button("Draw another batch", () => {
    drawBatch();
    draw();
  });
  const playButton = button("▶ Play", () => play(stop === null), { style: "min-width: 84px" });
  dragged(times.element, (event) => {
    play(false);
    move(times.stepAt(event));
  });

  const roomSide = html("div", { style: "flex: 1 1 280px; max-width: 376px" }, room.element);
  const timesSide = html(
    "div",
    { style: "flex: 1 1 380px" },
    html("div", { class: "row", style: "align-items: baseline; margin-bottom: 6px" }, known, met),
    times.element,
    html("table", { class: "facts" }, html("thead", {}, head), html("tbody", {}, ...rows)),
  );
  el.style.maxWidth = "860px";
  el.append(
    html("style", {}, STYLE_OF_REPLAY),
    html("div", { class: "row" }, playButton, steps, html("span", { class: "row" }, "capacity", capacities)),
    html("div", { class: "row", style: "margin: 4px 0 8px" }, "a batch", ways, another),
    html("div", { class: "sides" }, roomSide, timesSide),
    html("p", { class: "caption" }, model.get("caption")),
    said,
  );
  drawBatch();
  draw();
  const unfollow = followWidth(timesSide, (width) => {
    times.fit(width);
    draw();
  });
  return () => {
    stop?.();
    unfollow();
  };
}

const STYLE_OF_REPLAY = `
.dqnkit .facts { width: 100%; margin-top: 6px; border-collapse: collapse; font-size: 13px; font-variant-numeric: tabular-nums; }
.dqnkit .facts :is(td, th) { padding: 2px 10px 2px 0; text-align: left; vertical-align: top; font-weight: 400; }
.dqnkit .facts th { color: var(--ink-soft); }
.dqnkit .facts td { width: 11em; }
@media (max-width: 1100px) { .dqnkit .facts tbody td { height: 42px; } } /* two lines, whether needed or not */
.dqnkit .square { stroke: var(--grid); }
.dqnkit .wall { stroke: var(--line); stroke-width: 1.5; }
.dqnkit .patrol { fill: none; stroke-width: 3; }
.dqnkit .move { stroke: var(--ink); stroke-width: 2; fill: var(--ink); }
.dqnkit .halo { stroke: var(--ground); stroke-width: 5; }
.dqnkit svg .count { fill: var(--ink-soft); }
.dqnkit .times { cursor: ew-resize; }
`;

/** The squares: how many of the kept moves begin in each, the moves of the batch, and the patrol. */
class Room {
  constructor(side) {
    const [left, top, whole] = [24, 4, 320];
    this.side = side;
    this.square = whole / side;
    Object.assign(this, { left, top });
    this.element = svg("svg", { role: "img", viewBox: "0 0 350 346", width: "100%" });
    this.squares = countTo(0, side * side).map((state) => {
      const { x, y } = this.#corner(state);
      return svg("rect", { x, y, width: this.square, height: this.square, class: "square" });
    });
    this.counts = countTo(0, side * side).map((state) => {
      const { x, y } = this.#corner(state);
      return svg("text", { x: x + this.square - 3, y: y + 12, "text-anchor": "end", class: "count" });
    });
    this.percents = []; // of blue, in each square
    this.moves = svg("g");
    const numbers = countTo(0, side).flatMap((number) => {
      const along = (number + 0.5) * this.square;
      return [
        svg("text", { x: left + along, y: top + whole + 13, "text-anchor": "middle", class: "count" }, `${number}`),
        svg("text", { x: left - 5, y: top + along + 4, "text-anchor": "end", class: "count" }, `${number}`),
      ];
    });
    const half = whole / 2;
    const walls = svg("path", { class: "wall", d: `M${left + half} ${top}v${whole}M${left} ${top + half}h${whole}` });
    const goal = { x: left + whole - this.square / 2, y: top + whole - this.square / 2 + 4, "text-anchor": "middle", "font-weight": 600 };
    const goalText = svg("text", { ...goal, style: `fill: ${PALETTE.environment.color}` }, "goal");
    this.element.append(...this.squares, ...this.counts, walls, ...numbers, goalText, this.moves);
  }

  draw(run, counts, batch, now) {
    const most = Math.max(1, ...counts);
    for (const [state, count] of counts.entries()) {
      const share = count ? 0.15 + 0.85 * Math.sqrt(count / most) : 0;
      const [percent, text] = [Math.round(100 * share), count ? `${count}` : ""];
      if (this.percents[state] !== percent) {
        this.squares[state].style.fill = `color-mix(in srgb, ${PALETTE.replay.color} ${percent}%, var(--ground))`;
        this.counts[state].style.fill = percent > 60 ? "#111111" : "";
        this.percents[state] = percent;
      }
      if (this.counts[state].textContent !== text) this.counts[state].textContent = text;
    }
    let [lines, dots] = ["", ""];
    for (const step of new Set(batch)) {
      const [begin, end] = [this.#place(run.states[step]), this.#place(run.nextStates[step])];
      if (begin.x === end.x && begin.y === end.y) dots += `M${begin.x} ${begin.y}h0`;
      else lines += arrow(begin, end);
    }
    const patrol = this.#place(run.states[now - 1]);
    const ring = { cx: patrol.x, cy: patrol.y, r: 0.24 * this.square, class: "patrol" };
    this.moves.replaceChildren(
      svg("circle", { ...ring, style: `stroke: ${PALETTE.environment.color}` }),
      svg("path", { d: lines, class: "halo", fill: "none" }),
      svg("path", { d: lines, class: "move", "stroke-linejoin": "round" }),
      svg("path", { d: dots, class: "move", style: "stroke-width: 8; stroke-linecap: round" }),
    );
  }

  #corner(state) {
    return { x: this.left + (state % this.side) * this.square, y: this.top + Math.floor(state / this.side) * this.square };
  }
  /** The lower left of a square: its count is in the upper right. */
  #place(state) {
    const { x, y } = this.#corner(state);
    return { x: x + 0.34 * this.square, y: y + 0.64 * this.square };
  }
}

/** The path of an arrow that goes five eighths of the way. */
function arrow(begin, end) {
  const [dx, dy] = [0.62 * (end.x - begin.x), 0.62 * (end.y - begin.y)];
  const length = Math.hypot(dx, dy);
  const [ux, uy] = [dx / length, dy / length];
  const tip = [begin.x + dx, begin.y + dy];
  const at = (back, aside) => `${(tip[0] - back * ux - aside * uy).toFixed(1)} ${(tip[1] - back * uy + aside * ux).toFixed(1)}`;
  return `M${begin.x.toFixed(1)} ${begin.y.toFixed(1)}L${at(5, 0)}M${at(0, 0)}L${at(6, 4)}L${at(6, -4)}Z`;
}

/** The steps of the run as a strip: kept ones, those of the batch, and now. */
class Times {
  constructor(total, phases) {
    Object.assign(this, { total, phases, width: 360 });
    this.element = svg("svg", { role: "img", height: 96, class: "times" });
  }
  fit(width) {
    this.width = width;
    this.element.setAttribute("width", width);
    this.element.setAttribute("viewBox", `0 0 ${width} 96`);
  }
  x(step) {
    return 4 + ((this.width - 12) * step) / this.total;
  }
  stepAt(event) {
    const pixel = event.clientX - this.element.getBoundingClientRect().left;
    return ((pixel - 4) / (this.width - 12)) * this.total;
  }
  draw(first, now, batch) {
    const [top, bottom] = [20, 58];
    const bar = (begin, end, fill) => {
      const box = { x: this.x(begin), y: top, width: this.x(end) - this.x(begin), height: bottom - top };
      return svg("rect", { ...box, style: `fill: ${fill}` });
    };
    let start = 0;
    const marks = this.phases.flatMap(([name, end]) => {
      const middle = this.x((start + end) / 2);
      start = end;
      return [
        svg("text", { x: middle, y: top - 7, "text-anchor": "middle", class: "soft" }, name),
        svg("path", { class: "axis", d: `M${this.x(end)} ${top - 4}V${bottom}` }),
        svg("text", { x: this.x(end), y: bottom + 15, "text-anchor": "end", class: "soft" }, rounded(end)),
      ];
    });
    const lines = batch.map((step) => `M${this.x(step).toFixed(1)} ${top + 14}V${bottom}`).join("");
    const moment = { "stroke-width": 4, style: `stroke: ${PALETTE.environment.color}`, d: `M${this.x(now)} ${top - 5}V${bottom + 5}` };
    this.element.replaceChildren(
      bar(0, this.total, "var(--grid)"),
      bar(first, now, PALETTE.replay.color),
      ...marks,
      svg("path", { d: lines, style: "stroke: #111111", "stroke-width": 1.5 }),
      svg("path", moment),
      svg("text", { x: this.width / 2, y: bottom + 33, "text-anchor": "middle", class: "soft" }, "step of the run (green: now; drag it)"),
    );
  }
}
