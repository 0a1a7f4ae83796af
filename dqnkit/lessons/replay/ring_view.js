// A ring buffer: transitions travel into their slots, and copies of those that are drawn travel into the batch.

const [OUTER, INNER, MIDDLE] = [132, 70, { x: 150, y: 142 }]; // pixels
const FLIGHT = 0.25; // seconds
const BETWEEN = 0.12; // seconds from one transition to the next

/** A ring of slots with the numbers of their transitions; the newest overwrites the oldest. */
class Ring {
  constructor(capacity, seed) {
    Object.assign(this, { capacity, seed });
    this.empty();
  }
  empty() {
    this.numbers = Array(this.capacity).fill(null);
    this.added = 0;
    this.random = seeded(this.seed);
  }
  get next() {
    return this.added % this.capacity;
  }
  /** Add transitions; returns the numbers of those that had to go. */
  add(count) {
    const gone = [];
    for (let each = 0; each < count; each++) {
      if (this.numbers[this.next] !== null) gone.push(this.numbers[this.next]);
      this.numbers[this.next] = this.added;
      this.added += 1;
    }
    return gone;
  }
  /** The slots of a batch, drawn with replacement. */
  draw(count) {
    const kept = Math.min(this.added, this.capacity);
    return Array.from({ length: count }, () => Math.floor(this.random() * kept));
  }
}

function render({ model, el }) {
  const capacity = model.get("capacity");
  const size = model.get("batch_size");
  const ring = new Ring(capacity, 0);
  let batch = []; // slots
  let flights = []; // {number, from, to, slot or place, begins, share}: what travels
  let stop = () => {};

  const picture = svg("svg", { role: "img", height: 284, viewBox: "0 0 540 284", preserveAspectRatio: "xMinYMid" });
  const line = html("p", { style: "margin: 6px 0 0; min-height: 1.4em" });
  const said = speaker();
  const turn = (2 * Math.PI) / capacity;

  /** A point in the middle of a slot, or beside it. */
  function inSlot(slot, radius = (OUTER + INNER) / 2) {
    const angle = (slot + 0.5) * turn - Math.PI / 2;
    return { x: MIDDLE.x + radius * Math.cos(angle), y: MIDDLE.y + radius * Math.sin(angle) };
  }
  function inBatch(place) {
    return { x: 352 + 46 * (place % 4), y: 118 + 46 * Math.floor(place / 4) };
  }

  function slotPath(slot) {
    const points = [];
    for (const [radius, parts] of [[OUTER, [0, 1, 2, 3, 4, 5, 6, 7, 8]], [INNER, [8, 7, 6, 5, 4, 3, 2, 1, 0]]]) {
      for (const part of parts) {
        const angle = (slot + part / 8) * turn - Math.PI / 2;
        points.push(`${(MIDDLE.x + radius * Math.cos(angle)).toFixed(1)} ${(MIDDLE.y + radius * Math.sin(angle)).toFixed(1)}`);
      }
    }
    return `M${points.join("L")}Z`;
  }

  /** The older, the paler; palest are those that are just being overwritten. */
  function shadeOf(number) {
    return Math.max(0.2, 1 - (0.8 * (ring.added - 1 - number)) / capacity);
  }
  function label(point, text, share = 0, attributes = {}) {
    const ink = share > 0.7 ? "#111111" : "var(--ink)"; // on the colour of replay
    const place = { x: point.x, y: point.y + 4, "text-anchor": "middle", "font-weight": 600, style: `fill: ${ink}` };
    return svg("text", { ...place, ...attributes }, text);
  }
  function tile(point, number) {
    const box = { x: point.x - 18, y: point.y - 18, width: 36, height: 36, rx: 6, fill: PALETTE.replay.color };
    return svg("g", {}, svg("rect", { ...box, class: "ring-edge" }), label(point, `${number}`, 1));
  }

  const draw = eachFrame(el, () => {
    const arrives = new Map(flights.filter((flight) => flight.slot !== undefined).map((flight) => [flight.slot, flight]));
    const leaves = new Set(flights.filter((flight) => flight.place !== undefined).map((flight) => flight.place));
    const parts = ring.numbers.flatMap((newest, slot) => {
      const number = arrives.has(slot) ? arrives.get(slot).before : newest; // the new one is still on its way
      const share = number === null ? 0 : shadeOf(number);
      const fill = number === null ? "var(--grid)" : `color-mix(in srgb, ${PALETTE.replay.color} ${100 * share}%, var(--ground))`;
      const text = number === null ? "free" : `${number}`;
      return [
        svg("path", { d: slotPath(slot), class: "ring-edge", style: `fill: ${fill}` }),
        label(inSlot(slot), text, share, number === null ? { class: "soft", "font-weight": 400, style: "" } : {}),
      ];
    });
    const times = new Map();
    for (const slot of batch) times.set(slot, (times.get(slot) ?? 0) + 1);
    const marks = [...times].flatMap(([slot, count]) => {
      const point = inSlot(slot, OUTER + 2);
      const mark = svg("circle", { cx: point.x, cy: point.y, r: 11, class: "ring-mark" });
      return [mark, label(point, count > 1 ? `×${count}` : "✓", 0, { style: "fill: var(--ground)" })];
    });
    const next = inSlot(ring.next, INNER - 14);
    const places = Array.from({ length: size }, (_, place) => {
      const { x, y } = inBatch(place);
      const isThere = batch.length && !leaves.has(place);
      if (isThere) return tile({ x, y }, ring.numbers[batch[place]]);
      return svg("rect", { x: x - 18, y: y - 18, width: 36, height: 36, rx: 6, class: "axis", "stroke-dasharray": "3 3" });
    });
    const flying = flights
      .filter(({ share }) => share > 0)
      .map(({ number, from, to, share }) => {
        const way = 1 - (1 - share) ** 3; // fast at first
        return tile({ x: from.x + way * (to.x - from.x), y: from.y + way * (to.y - from.y) }, number);
      });
    picture.replaceChildren(
      ...parts,
      ...marks,
      svg("circle", { cx: next.x, cy: next.y, r: 11, class: "ring-next" }),
      label(next, "+"),
      label({ x: MIDDLE.x, y: MIDDLE.y - 9 }, "next goes", 0, { "font-weight": 400 }),
      label({ x: MIDDLE.x, y: MIDDLE.y + 9 }, `into slot ${ring.next}`),
      label({ x: 334, y: 84 }, "the batch", 0, { "text-anchor": "start", "font-weight": 400, class: "soft", style: "" }),
      ...places,
      ...flying,
    );
  });

  /** Let transitions travel, one after the other; without motion they are there at once. */
  function fly(next) {
    stop();
    flights = isCalm() ? [] : next.map((flight, index) => ({ ...flight, begins: index * BETWEEN, share: 0 }));
    let seconds = 0;
    draw();
    if (!flights.length) return;
    stop = animate((passed) => {
      seconds += passed;
      for (const flight of flights) flight.share = Math.min(1, Math.max(0, (seconds - flight.begins) / FLIGHT));
      flights = flights.filter(({ share }) => share < 1);
      draw();
      return flights.length > 0;
    });
  }

  function say(text) {
    line.textContent = text;
    const kept = ring.numbers.filter((number) => number !== null);
    const taken = kept.length ? ` by transitions ${Math.min(...kept)} to ${Math.max(...kept)}` : "";
    const drawn = batch.length ? ` Drawn: transitions ${batch.map((slot) => ring.numbers[slot]).join(", ")}.` : "";
    const ways = `the next goes into slot ${ring.next}.`;
    picture.setAttribute("aria-label", `A ring of ${capacity} slots, ${kept.length} of them taken${taken}; ${ways}${drawn}`);
    said.say(text);
  }

  function add(count) {
    const before = [...ring.numbers];
    const first = ring.added;
    const gone = ring.add(count);
    batch = [];
    const came = count === 1 ? `Transition ${first} came` : `Transitions ${first} to ${ring.added - 1} came`;
    say(`${came}; ${gone.length ? `${gone.join(", ")} had to go, the oldest.` : "nothing had to go."}`);
    // of those that go into one slot, only the last is seen
    const seen = Array.from({ length: count }, (_, each) => first + each).slice(-capacity);
    const flown = seen.map((number) => {
      const slot = number % capacity;
      return { number, slot, before: before[slot], from: MIDDLE, to: inSlot(slot) };
    });
    fly(flown);
  }

  function drawBatch() {
    if (!ring.added) {
      say("Nothing to draw from: add transitions first.");
      return;
    }
    batch = ring.draw(size);
    say(`Drawn: transitions ${batch.map((slot) => ring.numbers[slot]).join(", ")}. They stay in the ring.`);
    fly(batch.map((slot, place) => ({ number: ring.numbers[slot], place, from: inSlot(slot), to: inBatch(place) })));
  }

  function empty() {
    ring.empty();
    batch = [];
    say(`Empty: ${capacity} free slots.`);
    fly([]);
  }

  el.style.maxWidth = "620px";
  el.append(
    html(
      "style",
      {},
      ".dqnkit .ring-edge { stroke: var(--ground); stroke-width: 3; }" +
        ".dqnkit .ring-mark { fill: var(--ink); stroke: var(--ground); stroke-width: 2; }" +
        ".dqnkit .ring-next { fill: var(--ground); stroke: var(--ink); stroke-width: 2; }",
    ),
    html(
      "div",
      { class: "row" },
      button("Add 1", () => add(1)),
      button("Add 5", () => add(5)),
      button(`Draw a batch of ${size}`, drawBatch),
      button("Empty it", empty),
    ),
    picture,
    line,
    html("p", { class: "caption" }, model.get("caption")),
    said,
  );
  empty();
  return () => stop();
}
