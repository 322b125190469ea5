// Maps of one group are at the same step and play together; a map without a group is a group of its own.

const FILM_SECONDS = 10; // a whole film at 1×, unless that is too slow or too fast to follow
const SLOW = 25; // milliseconds of drawing
const still = matchMedia("(prefers-reduced-motion: reduce)");

function groupOf(instance, name) {
  if (instance.group?.name === name) return instance.group;
  if (instance.group) leave(instance);
  const group = (name && shared.groups.get(name)) || { name, members: new Set(), playing: false, speed: 1 };
  if (name) shared.groups.set(name, group);
  group.members.add(instance);
  instance.group = group;
  return group;
}

function leave(instance) {
  const { group } = instance;
  group.members.delete(instance);
  if (!group.members.size) {
    group.playing = false;
    if (shared.groups.get(group.name) === group) shared.groups.delete(group.name);
  }
}

// whether the film steps from moment to moment, because drawing takes long or motion is unwelcome, instead of gliding
const inSteps = (instance) => still.matches || instance.cost > SLOW;

function goTo(instance, position) {
  const step = stepOf(instance.scene.steps, position);
  for (const other of instance.group.members) {
    if (!other.scene) continue;
    const before = Math.floor(other.position);
    other.glide = null;
    other.position = other === instance ? position : positionOf(other.scene.steps, step);
    other.atEnd = other.position >= other.scene.T - 1;
    if (!inSteps(other) || Math.floor(other.position) !== before) draw(other);
  }
}

function play(instance, on) {
  const { group } = instance;
  const films = [...group.members].filter((other) => other.scene && other.scene.T > 1);
  group.playing = on && films.length > 0;
  for (const other of group.members) showPlaying(other);
  if (!group.playing) {
    // rest on a moment that was really kept, not between two
    if (instance.scene) goTo(instance, Math.round(instance.position));
    return;
  }
  // the one that goes on longest leads
  const leader = films.reduce((best, other) => (other.scene.steps[other.scene.T - 1] > best.scene.steps[best.scene.T - 1] ? other : best));
  if (leader.position >= leader.scene.T - 1) goTo(leader, 0);
  let before = performance.now();
  const run = (group.run = {});
  const tick = (time) => {
    if (!group.playing || group.run !== run || leader.closed) {
      if (leader.closed) group.playing = false;
      return;
    }
    const rate = clamp(leader.scene.T / FILM_SECONDS, 2, 12) * group.speed; // moments a second
    const position = leader.position + (Math.min(100, time - before) / 1000) * rate;
    before = time;
    if (position >= leader.scene.T - 1) {
      goTo(leader, leader.scene.T - 1);
      play(leader, false);
      return;
    }
    goTo(leader, position);
    requestAnimationFrame(tick);
  };
  requestAnimationFrame(tick);
}

function showPlaying(instance) {
  const { playing, speed } = instance.group;
  instance.ui.play.classList.toggle("playing", playing);
  instance.ui.play.setAttribute("aria-label", playing ? "Pause" : "Play");
  instance.ui.speed.value = String(speed);
}

// who looked at the latest moment goes on looking at the latest
function glide(instance, from) {
  const to = instance.scene.T - 1;
  if (still.matches || document.hidden || to - from > 3) {
    instance.position = to;
    return;
  }
  const began = performance.now();
  const own = (instance.glide = {});
  const tick = (time) => {
    if (instance.glide !== own || instance.closed) return;
    const part = Math.min(1, (time - began) / 500);
    instance.position = from + (to - from) * part;
    draw(instance);
    if (part < 1) requestAnimationFrame(tick);
  };
  requestAnimationFrame(tick);
}
