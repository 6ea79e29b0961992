/**
 * When an answer does not hold the part that was asked for, it is another page: the sign-in after a session
 * ended, say. It is opened, instead of emptying the part that is there.
 */
export function watchOtherPages(): void {
  document.addEventListener("htmx:before:swap", (event) => {
    const { ctx } = event.detail;
    if (!ctx.select || !ctx.response || ctx.response.status >= 400 || ctx.swap === "none") return;
    const tasks = event.detail.tasks as { type: string; fragment: DocumentFragment }[];
    const main = tasks.find((task) => task.type === "main");
    if (main?.fragment.childElementCount !== 0) return;
    event.preventDefault();
    location.assign(ctx.response.raw.url);
  });
}
