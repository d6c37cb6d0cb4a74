// The page: camera or photo in, framed and named faces out.

import { loadModel } from "./model.js";

const FRAMES = 30; // of the shown speed
const HALF_LIFE = 0.3; // seconds after which an old frame counts half, as on the Live page
const part = (id) => document.getElementById(id);
const pen = part("canvas").getContext("2d");

let model = null;
let stream = null;
let visit = 0; // grows whenever another source begins, which ends the one before

function say(text, wrong = false) {
  part("status").textContent = text;
  part("status").classList.toggle("error", wrong);
}

async function start() {
  part("progress").hidden = false;
  say("Loading the model…");
  model = await loadModel((share) => (part("progress").value = share));
  part("progress").hidden = true;
  const { name, architecture } = model.settings;
  part("model").textContent = `Model: ${name} (${architecture}).`;
  part("bars").replaceChildren(...model.settings.emotions.flatMap(bar));
  part("camera").disabled = part("file").disabled = false;
  part("choose").removeAttribute("aria-disabled");
  say("Ready.");
}

function bar(emotion) {
  const [term, track, share] = ["dt", "dd", "dd"].map((tag) => document.createElement(tag));
  term.textContent = emotion;
  track.className = "track";
  const filled = document.createElement("div");
  filled.id = `bar-${emotion}`;
  filled.style.background = model.settings.colors[emotion];
  track.append(filled);
  share.className = "share";
  share.id = `share-${emotion}`;
  return [term, track, share];
}

function show(faces) {
  const [largest] = faces;
  part("name").textContent = largest ? sentence(largest.emotion) : "No face found";
  model.settings.emotions.forEach((emotion, i) => {
    const share = largest ? largest.probabilities[i] : 0;
    part(`bar-${emotion}`).style.width = `${100 * share}%`;
    part(`share-${emotion}`).textContent = largest ? percent(share) : "";
  });
}

/** Draw a source and its faces; a camera is shown as a mirror. */
function draw(image, width, height, faces, mirrored) {
  const canvas = part("canvas");
  if (canvas.width !== width || canvas.height !== height) {
    canvas.width = width;
    canvas.height = height;
  }
  canvas.hidden = false;
  part("empty").hidden = true;
  pen.save();
  if (mirrored) pen.setTransform(-1, 0, 0, 1, width, 0);
  pen.drawImage(image, 0, 0, width, height);
  pen.restore();
  const unit = Math.max(1, Math.max(width, height) / 640);
  pen.lineWidth = 3 * unit;
  pen.font = `600 ${16 * unit}px system-ui, sans-serif`;
  pen.textBaseline = "bottom";
  for (const { box, emotion, probabilities } of faces) {
    const [left, top, right, bottom] = box;
    const x = mirrored ? width - right : left;
    pen.strokeStyle = model.settings.colors[emotion];
    pen.strokeRect(x, top, right - left, bottom - top);
    const text = `${emotion} ${percent(Math.max(...probabilities), 0)}`;
    const high = 24 * unit;
    const above = Math.max(high, top);
    pen.fillStyle = "#000000b0";
    pen.fillRect(x, above - high, pen.measureText(text).width + 12 * unit, high);
    pen.fillStyle = "#ffffff";
    pen.fillText(text, x + 6 * unit, above - 3 * unit);
  }
}

async function startCamera() {
  const mine = stop();
  say("Waiting for the camera…");
  try {
    if (!navigator.mediaDevices) throw new Error("insecure");
    const wanted = { video: { facingMode: "user", width: { ideal: 640 } }, audio: false };
    const opened = await navigator.mediaDevices.getUserMedia(wanted);
    if (mine !== visit) return opened.getTracks().forEach((track) => track.stop());
    stream = opened;
  } catch (error) {
    return say(reason(error), true);
  }
  part("camera").textContent = "Stop camera";
  const video = document.createElement("video");
  video.muted = video.playsInline = true;
  video.srcObject = stream;
  await video.play();
  say("");
  await follow(video, mine);
}

/** Newest frame only: while one is worked on, nothing queues. */
async function follow(video, mine) {
  const times = [];
  let smoothed = [];
  while (mine === visit) {
    await nextFrame(video);
    if (mine !== visit) return;
    const { videoWidth: width, videoHeight: height } = video;
    if (!width) continue;
    const before = performance.now();
    const frame = await createImageBitmap(video); // what is drawn is what was searched
    const faces = await model.inSource(frame, width, height, model.settings.camera);
    if (mine !== visit) return frame.close();
    const now = performance.now();
    smoothed = steady(faces, smoothed, now / 1000);
    draw(frame, width, height, smoothed, true);
    frame.close();
    show(smoothed);
    times.push(now);
    if (times.length > FRAMES) times.shift();
    if (times.length > 1) {
      const rate = (1000 * (times.length - 1)) / (now - times[0]);
      part("speed").textContent = `${rate.toFixed(1)} frames per second, ${(now - before).toFixed(0)} ms per frame`;
      part("speed").dataset.rate = rate.toFixed(2);
    }
  }
}

/** Mean over time of each face's probabilities, matched by place. */
function steady(faces, before, time) {
  return faces.map((face) => {
    const old = before.find((other) => isNear(face.box, other.box));
    if (!old) return { ...face, time };
    const past = 0.5 ** ((time - old.time) / HALF_LIFE);
    const probabilities = face.probabilities.map(
      (value, i) => past * old.probabilities[i] + (1 - past) * value,
    );
    const best = probabilities.indexOf(Math.max(...probabilities));
    return { ...face, probabilities, emotion: model.settings.emotions[best], time };
  });
}

function isNear(a, b) {
  const size = Math.max(a[2] - a[0], a[3] - a[1]);
  const apart = Math.hypot(a[0] + a[2] - b[0] - b[2], a[1] + a[3] - b[1] - b[3]) / 2;
  return apart < size / 2;
}

function nextFrame(video) {
  return new Promise((done) => {
    if (video.requestVideoFrameCallback) video.requestVideoFrameCallback(done);
    else requestAnimationFrame(done);
    setTimeout(done, 500); // of a camera that gives no frames
  });
}

async function showPhoto(blob) {
  const mine = stop();
  say("Searching the photo…");
  try {
    const image = await createImageBitmap(blob);
    const before = performance.now();
    const faces = await model.inPicture(blob);
    if (mine !== visit) return;
    draw(image, image.width, image.height, faces, false);
    show(faces);
    const count = faces.length === 1 ? "1 face" : `${faces.length} faces`;
    say(`${count} found in ${(performance.now() - before).toFixed(0)} ms.`);
  } catch {
    say("This file is not a picture that the browser can read.", true);
  }
}

/** End what runs; returns the number of the next visit. */
function stop() {
  stream?.getTracks().forEach((track) => track.stop());
  stream = null;
  part("camera").textContent = "Start camera";
  part("speed").textContent = "";
  return ++visit;
}

function reason(error) {
  const reasons = {
    insecure: "Browsers give their camera only to https:// pages and to this computer's own.",
    NotAllowedError: "The camera was not allowed. Allow it in the browser's settings of this page.",
    NotFoundError: "This device has no camera. Choose a photo instead.",
    NotReadableError: "Another program uses the camera. Close it and start again.",
  };
  return reasons[error.message] ?? reasons[error.name] ?? `The camera failed: ${error.message}`;
}

function percent(share, digits = 1) {
  return `${(100 * share).toFixed(digits)} %`;
}

function sentence(word) {
  return word[0].toUpperCase() + word.slice(1);
}

part("camera").addEventListener("click", () => {
  if (!stream) return startCamera();
  stop();
  say("Camera stopped.");
});
part("file").addEventListener("change", ({ target }) => {
  if (target.files[0]) showPhoto(target.files[0]);
  target.value = "";
});
document.addEventListener("dragover", (event) => {
  event.preventDefault();
  document.querySelector(".picture").classList.add("over");
});
document.addEventListener("dragleave", () => {
  document.querySelector(".picture").classList.remove("over");
});
document.addEventListener("drop", (event) => {
  event.preventDefault();
  document.querySelector(".picture").classList.remove("over");
  if (model && event.dataTransfer.files[0]) showPhoto(event.dataTransfer.files[0]);
});
start().catch((error) => {
  part("progress").hidden = true;
  say(`The model could not be loaded: ${error.message}`, true);
});
