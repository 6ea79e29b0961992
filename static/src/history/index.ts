// The page of a document's history: steps through the changes. Everything else on it works without a script.
import { submitChoices } from "./choices";
import { showClocks } from "./clocks";
import { stepThroughChanges } from "./steps";

showClocks();
submitChoices();
stepThroughChanges();
