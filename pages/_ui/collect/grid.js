/* The label grid: many faces at once, by mouse, keys or touch. Python has the last word on labels. */

const KEEP = new WeakMap(); // state of each mounted grid, by its element
const isOpen = (face) => face.by === "model" || face.by === "suspect"; // waits for a person

export default function ({ parentElement, data, setStateValue }) {
  let grid = KEEP.get(parentElement);
  if (!grid) {
    grid = new Grid(parentElement);
    KEEP.set(parentElement, grid);
  }
  grid.tell = (entries) => setStateValue("log", entries);
  grid.show(data);
}

class Grid {
  constructor(root) {
    this.list = root.querySelector("ul");
    this.tools = root.querySelector(".tools");
    this.status = root.querySelector(".status");
    this.faces = [];
    this.chosen = new Set(); // ids
    this.at = 0; // where the keys are
    this.from = 0; // where a range begins
    this.log = []; // what Python has not confirmed yet
    this.list.addEventListener("keydown", (event) => this.key(event));
    this.list.addEventListener("click", (event) => this.click(event));
    this.list.addEventListener("focusin", (event) => this.focused(event));
  }

  show(data) {
    const before = this.faces.map((face) => face.id).join();
    this.data = data;
    this.faces = data.faces;
    this.log = this.log.filter((entry) => entry.n > data.applied);
    this.last = Math.max(this.last || 0, data.applied);
    for (const entry of this.log) this.foresee(entry);
    if (before !== this.faces.map((face) => face.id).join()) {
      this.chosen.clear();
      this.at = this.from = 0;
      this.build();
    }
    if (this.tools.childElementCount === 0) this.buildTools();
    this.faces.forEach((_, index) => this.paint(index));
    this.say();
  }

  build() {
    this.list.replaceChildren(
      ...this.faces.map((face, index) => {
        const item = document.createElement("li");
        item.setAttribute("role", "option");
        item.dataset.index = index;
        const image = document.createElement("img");
        image.src = face.src;
        image.alt = "";
        image.draggable = false;
        const caption = document.createElement("span");
        caption.setAttribute("aria-hidden", "true");
        item.append(image, caption);
        return item;
      }),
    );
  }

  buildTools() {
    const buttons = this.data.choices.map((choice) => this.button(`${choice.key} ${choice.title}`, choice.color, () => this.label(choice.label)));
    if (this.data.undo) buttons.push(this.button("z undo", "", () => this.undo()));
    if (this.data.like) buttons.push(this.button("m more like this", "", () => this.like()));
    this.tools.replaceChildren(...buttons);
  }

  button(text, color, press) {
    const made = document.createElement("button");
    made.type = "button";
    const key = document.createElement("kbd");
    key.textContent = text.slice(0, 1);
    made.append(key, text.slice(1));
    if (color) made.style.setProperty("--face", color);
    made.addEventListener("click", press);
    return made;
  }

  paint(index) {
    const face = this.faces[index];
    const item = this.list.children[index];
    if (!item) return;
    const choice = this.data.choices.find((one) => one.label === face.label);
    const title = face.label ? (choice ? choice.title : face.label) : "no label";
    const guess = face.by === "model";
    const open = isOpen(face);
    item.style.setProperty("--face", (choice && choice.color) || "");
    item.classList.toggle("open", open);
    item.classList.toggle("bare", !face.label);
    item.setAttribute("aria-selected", this.chosen.has(face.id));
    item.tabIndex = index === this.at ? 0 : -1;
    item.querySelector("span").textContent = (guess ? `${title}?` : face.label ? title : "–") + (face.note ? ` · ${face.note}` : "");
    const state = guess ? `suggested ${title}` : title;
    item.setAttribute("aria-label", `Face ${index + 1} of ${this.faces.length}, ${state}${face.told ? `, ${face.told}` : ""}`);
  }

  say() {
    const left = this.faces.filter((face) => !face.label || isOpen(face)).length;
    const parts = [`${this.chosen.size || "No face"} selected`, `${left} to label on this page`];
    this.status.textContent = parts.join(" · ");
  }

  click(event) {
    const item = event.target.closest("li");
    if (!item) return;
    const index = Number(item.dataset.index);
    const id = this.faces[index].id;
    if (event.shiftKey) this.range(index);
    else if (event.ctrlKey || event.metaKey || matchMedia("(hover: none)").matches) {
      if (!this.chosen.delete(id)) this.chosen.add(id);
      this.from = index;
    } else {
      this.chosen = new Set([id]);
      this.from = index;
    }
    this.move(index);
  }

  focused(event) {
    const item = event.target.closest("li");
    if (item) this.at = Number(item.dataset.index);
  }

  range(index) {
    const [low, high] = [Math.min(this.from, index), Math.max(this.from, index)];
    this.chosen = new Set(this.faces.slice(low, high + 1).map((face) => face.id));
  }

  move(index) {
    this.at = Math.max(0, Math.min(index, this.faces.length - 1));
    this.faces.forEach((_, one) => this.paint(one));
    this.list.children[this.at]?.focus();
    this.say();
  }

  columns() {
    const items = [...this.list.children];
    const next = items.findIndex((item) => item.offsetTop > items[0].offsetTop);
    return next < 1 ? items.length : next;
  }

  key(event) {
    if (!this.faces.length || event.altKey) return;
    const steps = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -this.columns(), ArrowDown: this.columns(), Home: -this.at, End: this.faces.length };
    const choice = this.data.choices.find((one) => one.key === event.key.toLowerCase());
    if (event.ctrlKey || event.metaKey) {
      if (event.key.toLowerCase() !== "a") return;
      this.chosen = new Set(this.faces.map((face) => face.id));
      this.move(this.at);
    } else if (event.key in steps) {
      const to = Math.max(0, Math.min(this.at + steps[event.key], this.faces.length - 1));
      if (event.shiftKey) this.range(to);
      else {
        this.chosen.clear();
        this.from = to;
      }
      this.move(to);
    } else if (choice) this.label(choice.label);
    else if (event.key.toLowerCase() === "z" && this.data.undo) this.undo();
    else if (event.key.toLowerCase() === "m" && this.data.like) this.like();
    else if (event.key === "Enter") this.confirm();
    else if (event.key === "Escape") {
      this.chosen.clear();
      this.move(this.at);
    } else if (event.key === " ") {
      const id = this.faces[this.at].id;
      if (!this.chosen.delete(id)) this.chosen.add(id);
      this.move(this.at);
    } else return;
    event.preventDefault();
    event.stopPropagation();
  }

  targets() {
    const one = this.faces[this.at];
    return this.chosen.size ? [...this.chosen] : one ? [one.id] : [];
  }

  label(label) {
    const ids = this.targets();
    if (!ids.length) return;
    this.send({ kind: "label", ids, label });
    this.advance(ids);
  }

  confirm() {
    const ids = new Set(this.targets());
    const open = this.faces.filter((face) => ids.has(face.id) && isOpen(face) && face.label);
    if (open.length) this.send({ kind: "confirm", ids: open.map((face) => face.id) });
    this.advance([...ids]);
  }

  undo() {
    this.send({ kind: "undo", ids: [] });
  }

  like() {
    const one = this.faces[this.at];
    if (one) this.send({ kind: "like", ids: [one.id] });
  }

  advance(ids) {
    const last = this.faces.reduce((found, face, index) => (ids.includes(face.id) ? index : found), this.at);
    this.chosen.clear();
    this.from = Math.min(last + 1, this.faces.length - 1);
    this.move(this.from);
  }

  /* The entries are sent until Python has confirmed them, so that none is lost between two runs. */
  send(entry) {
    this.last = (this.last || 0) + 1;
    entry.n = this.last;
    this.log.push(entry);
    this.foresee(entry);
    this.faces.forEach((_, index) => this.paint(index));
    this.say();
    this.tell([...this.log]);
  }

  foresee(entry) {
    if (entry.kind === "like") return;
    for (const face of this.faces) {
      if (!entry.ids.includes(face.id)) continue;
      if (entry.kind === "label") face.label = entry.label;
      face.by = "person";
    }
  }
}
