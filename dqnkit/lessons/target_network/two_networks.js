// The online and the target network over a run that was recorded: the value of each square as maps, and the start
// square's value as a play bar.
const MAPS = ["online network", "target network", "exact Q*"];
const BLUES = ["#F7FBFF", "#5BA3D0", "#08306B"]; // for 0, for about the largest true value, for far larger ones
const HIGH = 250; // pixels of a map with its name, at most

/** A value in at most five characters; "goal" where there is none. */
function short(value) {
  if (Number.isNaN(value)) return "goal";
  if (!Number.isFinite(value)) return value > 0 ? "∞" : "−∞";
  const size = Math.abs(value);
  const text = size < 9.995 ? value.toFixed(2) : size < 9999.5 ? value.toFixed(0) : value.toExponential(0).replace("e+", "e");
  return text.replace(/^-(?=0\.00$)/, "").replace("-", "−");
}

/** A square room of values; `show(values)` writes and colours them. */
function roomMap(name, size, largest) {
  const quantity = PALETTE[name] ?? PALETTE.reference;
  const squares = Array.from({ length: size * size }, () => [svg("rect"), svg("text", { "text-anchor": "middle" })]);
  const frame = svg("rect", { x: 1, y: 23, fill: "none", stroke: quantity.color, "stroke-width": 3, "stroke-dasharray": quantity.dash });
  const title = svg("text", { x: 1, y: 14, style: "font-weight: 600" }, name);
  const element = svg("svg", { role: "img", "aria-label": name }, title, ...squares.flat(), frame);
  element.fit = (side) => {
    made(element, { width: side, height: side + 22 }, []);
    made(frame, { width: side - 2, height: side - 2 }, []);
    const one = (side - 8) / size;
    for (const [number, [box, text]] of squares.entries()) {
      const [x, y] = [4 + (number % size) * one, 26 + Math.floor(number / size) * one];
      made(box, { x, y, width: one + 0.5, height: one + 0.5 }, []);
      made(text, { x: x + one / 2, y: y + one / 2 + 4 }, []);
    }
  };
  element.show = (values) => {
    for (const [number, [box, text]] of squares.entries()) {
      const value = values[number];
      const shade = Number.isFinite(value) ? Math.min(1, Math.max(0, value / (1.6 * largest))) : Number(value === Infinity);
      const colour = shade < 0.5 ? mixed(2 * shade, BLUES[0], BLUES[1]) : mixed(2 * shade - 1, BLUES[1], BLUES[2]);
      box.style.fill = Number.isNaN(value) ? "#FFFFFF" : colour;
      text.style.fill = shade > 0.75 ? "#FFFFFF" : "#222222";
      const said = short(value);
      if (text.textContent !== said) text.textContent = said; // most stay from one moment to the next
    }
  };
  return element;
}

function twoNetworks(model, el) {
  const about = model.get("about");
  if (!about.updates?.length) {
    el.append(html("div", { style: "height: 480px" }, "No update was made: there is nothing to show."));
    return () => {};
  }
  const { updates, optimum, terminal, square, errors, periods, taus, axis } = about;
  const states = optimum.length;
  const values = floats(model.get("values")); // [moments, 2, states]
  const of = (at, network) => values.subarray((2 * at + network) * states, (2 * at + network + 1) * states);
  const withGoals = (row) => Array.from(row, (value, state) => (terminal[state] ? NaN : value));
  const largest = Math.max(...optimum);

  const maps = MAPS.map((name) => roomMap(name, Math.round(Math.sqrt(states)), largest));
  maps[2].show(withGoals(optimum));
  const number = tally("updates", updates.at(-1).toLocaleString("en-US").length);
  const wrong = tally("largest error |Q − Q*|", 5);
  const period = tally("updates from copy to copy (period)", 5);
  const tau = tally("tau (1 copies all)", 4);
  const x = { name: "updates (gradient steps)", low: 0, high: Math.max(1, updates.at(-1)) };
  const y = { name: "start square's value", ...axis, format: (value) => (axis.log && value >= 1e5 ? short(value) : shown(value)) };
  const chart = new Chart({ x, y, height: 170, label: "The start square's value" });
  const starts = [0, 1].map((network) => updates.map((_, at) => of(at, network)[square]));
  // a logarithmic axis has no place for values of 0 and less: the line has a gap there
  const points = (network) => starts[network].map((value, at) => [updates[at], axis.log && value <= 0 ? NaN : value]);
  const exact = `exact ${optimum[square].toFixed(2)}`;
  const legend = lineLegend([["start square: online", "online network"], ["target", "target network"], [exact, "reference"]]);
  if (axis.log) legend.append(html("span", { class: "unit" }, "the axis is logarithmic; gaps: 0 and less"));

  let moment = updates.length - 1;
  const said = speaker();
  const draw = eachFrame(el, () => {
    for (const network of [0, 1]) maps[network].show(withGoals(of(moment, network)));
    number.say(updates[moment].toLocaleString("en-US"));
    wrong.say(shown(errors[moment] ?? NaN));
    period.say(periods[moment].toLocaleString("en-US"));
    tau.say(shown(taus[moment]));
    said.say(words(moment));
  });
  function words(at) {
    const [online, target] = starts.map((values) => short(values[at]));
    const after = `After ${updates[at].toLocaleString("en-US")} updates`;
    return `${after}: start square online ${online}, target ${target}, ${exact}.`;
  }
  const show = (at) => {
    moment = at;
    draw();
  };
  const moments = { moments: updates, heights: points(0).map((point) => point[1]) };
  const bar = playBar({ chart, name: "Moment of the training", ...moments, words, changed: show, seconds: 12 });
  const numbers = html("div", { style: "display: flex; gap: 24px" }, number, wrong, period, tau);
  const row = html("div", { style: "display: flex; gap: 16px; margin: 6px 0" }, ...maps);
  const hint = html("span", { class: "unit" }, "or drag along the curve, or use the arrow keys on it");
  const below = [html("div", { class: "row" }, bar.button, hint), html("div", {}, about.caption)];
  const whole = html("div", { style: "max-width: 800px" }, numbers, row, legend, chart.element, ...below);
  el.append(whole, said);
  const stopWidth = followWidth(whole, (width) => {
    for (const map of maps) map.fit(Math.min(HIGH - 22, Math.floor((width - 32) / 3)));
    chart.fit(width);
    const { low, high } = chart.x;
    const level = chart.line([[low, optimum[square]], [high, optimum[square]]], "reference");
    chart.data.replaceChildren(level, chart.line(points(0), "online network"), chart.line(points(1), "target network"));
    bar.draw();
    draw();
  });
  bar.set(moment);
  return () => {
    bar.stop();
    stopWidth();
  };
}

function render({ model, el }) {
  return twoNetworks(model, el);
}
