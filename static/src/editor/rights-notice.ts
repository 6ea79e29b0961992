import type { Rights } from "../live/rights";
import type { Session } from "../live/session";
import type { Banner } from "./banner";
import { say } from "./words";

const kind = "rights";

/**
 * Says to somebody whose role changes while the document is open what they may do from now on; the text and its tools
 * follow by themselves. `known`: what the page was made for.
 */
export function tellRights(session: Session, banner: Banner, known: Rights): void {
  let told = known;
  session.watch(() => {
    const { rights, link } = session.connection;
    if (rights === null || link === "refused" || rights === told) return;
    told = rights;
    document.body.dataset["rights"] = rights;
    banner.show({
      kind,
      text: say(`rights.${rights}`),
      actions: [
        {
          name: "dismiss",
          label: say("rights.dismiss"),
          run: () => {
            banner.hide(kind);
          },
        },
      ],
    });
  });
}
