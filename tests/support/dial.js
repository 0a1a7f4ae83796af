// The smallest drawing: a chart, a slider and a line between them.
function render({ model, el }) {
  let value = model.get("value");
  const chart = new Chart({
    x: { name: "input", low: 0, high: 1 },
    y: { name: "output", low: 0, high: 1 },
    height: 200,
    label: "A dial",
  });
  const said = speaker();
  const tell = teller(model);
  const knob = slider({ name: "value", low: 0, high: 1, value, changed: (next) => turn(next) });
  const draw = eachFrame(el, () => {
    chart.data.replaceChildren(
      chart.line([[0, 0], [1, value]], "online network"),
      chart.dots([[0.5, value / 2]], "loss", 4),
    );
    said.say(`The dial is at ${shown(value)}`);
  });
  function turn(next) {
    value = Math.min(1, Math.max(0, next));
    knob.set(value);
    draw();
    if (model.set) tell({ value });
  }
  dragged(chart.element, (event) => turn(chart.at(event)[1]));
  el.append(chart.element, knob, said);
  const stop = followWidth(el, (width) => {
    chart.fit(width);
    draw();
  });
  model.on?.("change:value", () => {
    value = model.get("value");
    knob.set(value);
    draw();
  });
  return stop;
}
