import type { Session } from "../live/session";
import type { Banner } from "./banner";
import { removeStrangers, strangersIn } from "./reading";
import { say } from "./words";

const kind = "strangers";

/**
 * Waits until the document holds nothing among its blocks that no editor can show (another program can put it
 * there), and says meanwhile what is wrong. Who may write can take it out.
 */
export function untilShowable(session: Session, banner: Banner): Promise<void> {
  const fragment = session.document.getXmlFragment("default");
  return new Promise((resolve) => {
    const look = () => {
      if (strangersIn(fragment).length === 0) {
        fragment.unobserve(look);
        banner.hide(kind);
        resolve();
        return;
      }
      const remove = () => {
        removeStrangers(fragment);
      };
      banner.show({
        kind,
        text: say("strangers.text"),
        actions: session.mayWrite ? [{ name: "remove", label: say("strangers.remove"), run: remove }] : [],
      });
    };
    fragment.observe(look);
    look();
  });
}
