// An environment by hand: buttons and number keys for its actions. Python takes the steps and sends the pictures.

const HAND_STYLE = `
.dqnkit-hand { display: flex; flex-wrap: wrap; gap: 8px 24px; align-items: flex-start; max-width: 900px; }
.dqnkit-hand > .wide { flex: 1 0 100%; }
.dqnkit-hand .scene { flex: 0 1 560px; min-width: 0; }
.dqnkit-hand .ended { font-weight: 600; min-height: 1.4em; }
`;

function render({ model, el }) {
  const scene = html("div", { class: "scene" });
  const number = html("span", { class: "number" }, "0");
  const reward = html("div", {});
  const ended = html("div", { class: "ended" });
  const said = speaker();
  const actions = model.get("actions");
  const act = (action) => model.send({ action });
  const buttons = actions.map((name, action) => button(`${action + 1} · ${name}`, () => act(action)));
  const again = button("Start again", () => model.send({ reset: true }));

  const draw = () => {
    const now = model.get("said");
    scene.innerHTML = model.get("image"); // made by the kit's own Python
    number.textContent = shown(now.return);
    reward.textContent = now.steps ? `step ${now.steps}: reward ${shown(now.reward)}` : "a new episode";
    ended.textContent = now.ended ? `The episode has ended (${now.ended}).` : "";
    buttons.forEach((each) => (each.disabled = Boolean(now.ended)));
    const alt = scene.querySelector("img")?.alt ?? "";
    said.say(`${reward.textContent}. ${ended.textContent} ${alt}`);
    el.dispatchEvent(new CustomEvent("dqnkit-drawn", { bubbles: true }));
  };
  const whole = html(
    "div",
    { class: "dqnkit-hand", tabindex: -1, "data-lm-suppress-shortcuts": "true" },
    scene,
    html("div", {}, html("div", {}, number, html("span", { class: "unit" }, " return (rewards so far)")), reward, ended),
    html("div", { class: "row wide" }, ...buttons, again),
    html("div", { class: "unit wide" }, "Press a button, or the key with its number. Nothing moves between two steps."),
    said,
  );
  const capture = true; // before the button that has the focus
  const press = (event) => {
    const action = Number(event.key) - 1;
    if (!Number.isInteger(action) || action < 0 || action >= actions.length) return;
    event.preventDefault();
    event.stopPropagation();
    act(action);
  };
  whole.addEventListener("keydown", press, capture);
  el.append(html("style", {}, HAND_STYLE), whole);
  model.on("change:said", draw);
  draw();
  return () => model.off("change:said", draw);
}
