/* Lanes below a film: scrub, speed, marks. One source for the page and for the saved HTML. */

const SPEEDS = [0.25, 0.5, 1, 2, 4];

/**
 * @param root element that is filled
 * @param data seconds, lanes [{title, bars: [[start, end, what]]}], marks [[time, note]],
 *   excluded [[start, end]], colors {what: CSS}, editable
 * @param film a video element, or null where there is none
 * @param tell called with {kind, time, start} for a mark or an excluded part
 */
export function mount(root, data, film, tell) {
  const state = { at: film ? film.currentTime : 0, from: null };
  const seconds = Math.max(data.seconds, 0.001);
  root.replaceChildren();
  root.className = "viewer";
  const heads = [];

  const rows = make("div", "rows");
  const range = make("input");
  if (film) {
    const bar = make("div", "bar");
    const play = button("Play", () => (film.paused ? film.play() : film.pause()));
    const clock = make("span", "clock");
    const speed = make("select");
    speed.setAttribute("aria-label", "Speed");
    for (const value of SPEEDS) {
      const option = make("option");
      option.value = value;
      option.textContent = `${value}×`;
      option.selected = value === (film.playbackRate || 1);
      speed.append(option);
    }
    speed.addEventListener("change", () => (film.playbackRate = Number(speed.value)));
    bar.append(play, clock, speed);
    if (data.editable) bar.append(...editors());
    Object.assign(range, { type: "range", min: 0, max: seconds, step: 0.05, value: state.at });
    range.setAttribute("aria-label", "Position");
    range.addEventListener("input", () => seek(Number(range.value)));
    root.append(bar);
    rows.append(make("span", "title"), range);
    const follow = () => {
      if (!root.isConnected) return;
      state.at = film.currentTime;
      range.value = state.at;
      range.setAttribute("aria-valuetext", shown(state.at));
      clock.textContent = `${shown(state.at)} / ${shown(seconds)}`;
      play.textContent = film.paused ? "Play" : "Pause";
      for (const head of heads) head.style.left = `${place(state.at)}%`;
      said.textContent = now();
      if (!film.paused) requestAnimationFrame(follow);
    };
    root.follow?.abort();
    root.follow = new AbortController();
    for (const name of ["play", "pause", "seeked", "timeupdate", "loadedmetadata"])
      film.addEventListener(name, follow, { signal: root.follow.signal });
    queueMicrotask(follow);
  }

  if (film || data.marks.length)
    lane("marks", "marks", data.marks, (item, [time, note]) => {
      item.className = "mark";
      item.style.left = `${place(time)}%`;
      return `${shown(time)} ${note || "mark"}`;
    });
  for (const one of data.lanes) {
    const differ = one.bars.some((bar) => bar[2] === "differ") || one.title === "models differ";
    lane(one.title, differ ? "slim" : "", one.bars, (item, [start, end, what]) => {
      if (what === "differ") item.className = "differ";
      else item.style.setProperty("--tone", data.colors[what]);
      span(item, start, end);
      return `${what} ${shown(start)} to ${shown(end)}`;
    });
  }
  if (film || data.excluded.length)
    lane("left out", "slim", data.excluded, (item, [start, end]) => {
      item.className = "away";
      span(item, start, end);
      return `left out ${shown(start)} to ${shown(end)}`;
    });
  const said = make("div", "said");
  root.append(rows);
  if (film) root.append(said);
  root.append(legend());

  function make(name, kind) {
    const made = document.createElement(name);
    if (kind) made.className = kind;
    return made;
  }

  function button(text, press) {
    const made = make("button");
    made.type = "button";
    made.textContent = text;
    made.addEventListener("click", press);
    return made;
  }

  function editors() {
    const out = button("Leave out from here", () => {
      if (state.from === null) {
        state.from = state.at;
        out.textContent = `Leave out ${shown(state.from)} to here`;
      } else {
        tell({ kind: "exclude", start: state.from, time: state.at });
        state.from = null;
        out.textContent = "Leave out from here";
      }
    });
    return [button("Mark", () => tell({ kind: "mark", time: state.at })), out];
  }

  function lane(title, kind, items, fill) {
    const name = make("span", "title");
    name.textContent = name.title = title;
    const track = make("div", `track ${kind}`);
    track.dataset.lane = title;
    for (const item of items) {
      const bar = make("i");
      bar.title = fill(bar, item);
      track.append(bar);
    }
    if (film) {
      const head = make("b");
      heads.push(head);
      track.append(head);
      const jump = (event) => {
        const box = track.getBoundingClientRect();
        seek((seconds * (event.clientX - box.left)) / box.width);
      };
      track.addEventListener("pointerdown", (event) => {
        track.setPointerCapture(event.pointerId);
        jump(event);
      });
      track.addEventListener("pointermove", (event) => {
        if (track.hasPointerCapture(event.pointerId)) jump(event);
      });
    }
    rows.append(name, track);
  }

  function now() {
    const parts = data.lanes.flatMap((one) =>
      one.bars.filter(([start, end]) => start <= state.at && state.at < end).map((bar) => (bar[2] === "differ" ? "models differ" : `${one.title}: ${bar[2]}`)),
    );
    const mark = data.marks.findLast(([time]) => time <= state.at && state.at - time < 2);
    if (mark) parts.push(`mark${mark[1] ? `: ${mark[1]}` : ""}`);
    return parts.join(" · ");
  }

  function legend() {
    const list = make("ul", "legend");
    const seen = new Set(data.lanes.flatMap((one) => one.bars.map((bar) => bar[2])));
    for (const [what, color] of Object.entries(data.colors)) {
      if (!seen.has(what)) continue;
      const item = make("li");
      const dot = make("i");
      dot.style.setProperty("--tone", color);
      item.append(dot, what);
      list.append(item);
    }
    return list;
  }

  function seek(time) {
    film.currentTime = Math.max(0, Math.min(time, seconds));
  }

  function place(time) {
    return (100 * Math.max(0, Math.min(time, seconds))) / seconds;
  }

  function span(item, start, end) {
    item.style.left = `${place(start)}%`;
    item.style.width = `${place(end) - place(start)}%`;
  }

  function shown(time) {
    const minutes = Math.floor(time / 60);
    return `${minutes}:${(time - 60 * minutes).toFixed(1).padStart(4, "0")}`;
  }
}

/* The dashboard's component: the film is the page's own video element. */
export default function ({ parentElement, data, setTriggerValue }) {
  const root = parentElement.querySelector(".viewer");
  const text = JSON.stringify(data);
  if (root.shown === text && root.film?.isConnected) return;
  const find = (tries) => {
    const film = document.querySelector(data.film);
    if (!film && tries > 0) {
      root.waiting = setTimeout(() => find(tries - 1), 100);
      return;
    }
    root.shown = text;
    root.film = film;
    mount(root, data, film, (note) => setTriggerValue("note", note));
  };
  clearTimeout(root.waiting);
  find(data.film ? 100 : 0);
}
