// The page of a document's history: steps through the changes, names passages. Everything else on it works without a script.
import { submitChoices } from "./choices";
import { showClocks } from "./clocks";
import { tellPassages } from "./passages";
import { stepThroughChanges } from "./steps";

showClocks();
submitChoices();
stepThroughChanges();
tellPassages();
