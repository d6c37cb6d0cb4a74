/* Seven buttons that record while they are held, by pointer or by the keys 1 to 7. */

const KEEP = new WeakMap(); // state of each mounted pad, by its element
const BEAT = 500; // ms; the server takes a longer silence for a release
const TYPED = "textarea, select, input:not([type=checkbox], [type=radio])"; // keys are theirs
const SHORTEST = 700; // ms; a tap records one face

export default function ({ parentElement, data, setStateValue }) {
  let pad = KEEP.get(parentElement);
  if (!pad) {
    pad = new Pad(parentElement);
    KEEP.set(parentElement, pad);
  }
  pad.tell = (held) => setStateValue("held", held);
  pad.show(data);
}

class Pad {
  constructor(root) {
    this.root = root;
    this.list = root.querySelector(".pad");
    this.status = root.querySelector(".status");
    this.held = "";
    this.count = 0;
    const on = (target, kind, act) => {
      const listen = (event) => {
        if (root.isConnected) act(event);
        else {
          target.removeEventListener(kind, listen);
          this.end();
        }
      };
      target.addEventListener(kind, listen);
    };
    on(document, "keydown", (event) => this.key(event));
    on(document, "keyup", (event) => this.up(event));
    on(window, "pointerup", () => this.release());
    on(window, "pointercancel", () => this.release());
    on(window, "blur", () => this.end());
    on(document, "visibilitychange", () => document.hidden && this.end());
  }

  show(data) {
    this.data = data;
    if (!this.list.childElementCount) this.build();
    if (!data.enabled) this.end();
    // After Start the keys go to the frame of the video, which knows nothing of them.
    else if (document.activeElement?.tagName === "IFRAME") this.list.focus({ preventScroll: true });
    this.paint();
  }

  build() {
    for (const choice of this.data.choices) {
      const made = document.createElement("button");
      made.type = "button";
      made.dataset.label = choice.label;
      made.style.setProperty("--face", choice.color);
      made.innerHTML = "<kbd></kbd><b></b><span></span><i></i>";
      made.querySelector("kbd").textContent = choice.key;
      made.querySelector("b").textContent = choice.title;
      made.addEventListener("pointerdown", (event) => {
        if (event.button === 0) this.press(choice.label);
      });
      made.addEventListener("contextmenu", (event) => event.preventDefault()); // a long touch
      this.list.append(made);
    }
  }

  paint() {
    const { choices, enabled, target, told } = this.data;
    choices.forEach((choice, index) => {
      const item = this.list.children[index];
      const share = Math.min(1, choice.count / target);
      item.disabled = !enabled;
      item.style.setProperty("--share", `${100 * share}%`);
      item.classList.toggle("done", share === 1);
      item.querySelector("span").textContent = `${choice.count} / ${target}`;
      item.setAttribute("aria-pressed", this.held === choice.label);
      item.setAttribute("aria-label", `Record ${choice.title}, key ${choice.key}, ${choice.count} of ${target}`);
    });
    const held = choices.find((choice) => choice.label === this.held);
    this.status.textContent = held ? `Recording ${held.title}. ${told}` : told;
  }

  key(event) {
    const from = event.composedPath()[0];
    if (!this.data.enabled || event.ctrlKey || event.altKey || event.metaKey) return;
    if (from.isContentEditable || from.matches(TYPED)) return;
    const own = this.list.contains(from) && (event.key === " " || event.key === "Enter");
    const label = own ? from.dataset.label : this.data.choices.find((one) => one.key === event.key)?.label;
    if (!label) return;
    event.preventDefault();
    if (!event.repeat) this.press(label, event.key);
  }

  up(event) {
    if (this.by === event.key) this.release();
  }

  press(label, by = "") {
    this.end();
    [this.held, this.by, this.since] = [label, by, performance.now()];
    this.beat = setInterval(() => (this.root.isConnected ? this.say() : this.end()), BEAT);
    this.say();
    this.paint();
  }

  release() {
    if (!this.held || this.last) return;
    const left = SHORTEST - (performance.now() - this.since);
    this.last = setTimeout(() => this.end(), Math.max(0, left));
  }

  end() {
    clearInterval(this.beat);
    clearTimeout(this.last);
    this.last = 0;
    if (!this.held) return;
    this.held = "";
    this.say();
    this.paint();
  }

  say() {
    this.count += 1;
    this.tell({ n: this.count, label: this.held });
  }
}
