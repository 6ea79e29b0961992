export const idleAfterSeconds = 60;

/** Tells once when a person stopped giving input for a minute, and once when they are back. */
export function watchIdle(onIdle: (idle: boolean) => void): void {
  let timer: ReturnType<typeof setTimeout> | undefined;
  let idle = false;
  const sleep = () => {
    idle = true;
    onIdle(true);
  };
  const wake = () => {
    clearTimeout(timer);
    timer = setTimeout(sleep, idleAfterSeconds * 1000);
    if (!idle) return;
    idle = false;
    onIdle(false);
  };
  for (const kind of ["keydown", "pointerdown", "pointermove", "wheel", "touchstart", "focus"]) {
    window.addEventListener(kind, wake, { passive: true, capture: true });
  }
  wake();
}
