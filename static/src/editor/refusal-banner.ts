import { forbidden, otherLineage, suggestionsOnly, trashed } from "../live/closing";
import type { Session } from "../live/session";
import type { Banner, BannerAction } from "./banner";
import { askToSuggest } from "./leftover-banner";
import { say } from "./words";

/** Why the server refused, in words, with what the person can do about it. */
function refusalText(code: number, sentence: string): string {
  const known = say(`refused.${String(code)}`);
  if (known !== `refused.${String(code)}`) return known;
  return say("refused.other", { reason: sentence });
}

/** Would a reload show the same page again, because it was served for a document in the trash? */
function nothingNew(code: number): boolean {
  return code === trashed && document.querySelector("#editor[data-trashed]") !== null;
}

/** Shows why this page can no longer be written live, and offers the text that is here. */
export function watchRefusals(session: Session, banner: Banner, copyMyText: () => void): void {
  const look = () => {
    const { refusal, turnedDown } = session.connection;
    const copy: BannerAction = { name: "copy", label: say("banner.copy"), run: copyMyText };
    const reload: BannerAction = {
      name: "reload",
      label: say("banner.reload"),
      run: () => {
        window.location.reload();
      },
    };
    const mayNot = refusal?.code === forbidden || refusal?.code === suggestionsOnly;
    if (refusal !== null && mayNot && session.hasUnsaved) {
      // As long as this browser brings what it may not, it is refused: that goes aside, and the page begins anew.
      const offer = refusal.code === suggestionsOnly;
      const aside: BannerAction = {
        name: "aside",
        label: say(offer ? "banner.suggest" : "banner.aside"),
        run: () => {
          void session.putAside().then(() => {
            if (offer) askToSuggest();
            window.location.reload();
          });
        },
      };
      banner.show({ kind: "refused", text: refusalText(refusal.code, refusal.sentence), actions: [aside, copy] });
    } else if (refusal !== null) {
      banner.show({
        kind: refusal.code === otherLineage ? "lineage" : "refused",
        text: refusalText(refusal.code, refusal.sentence),
        actions: [...(session.hasText ? [copy] : []), ...(nothingNew(refusal.code) ? [] : [reload])],
      });
    } else if (turnedDown) {
      banner.show({ kind: "turned-down", text: say("refused.write"), actions: [copy, reload] });
    } else {
      banner.hide("turned-down");
    }
  };
  session.watch(look);
  look();
}
