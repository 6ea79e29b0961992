import { defaultDeleteFilter, defaultProtectedNodes, ySyncPluginKey } from "@tiptap/y-tiptap";
import * as Y from "yjs";

/**
 * One person's undo for all texts of a variant and for what is decided about them. Editors that come and go share it;
 * each would end it when it goes.
 */
export class SharedUndo extends Y.UndoManager {
  constructor(map: Y.Map<unknown>, origin: unknown) {
    super([map], {
      trackedOrigins: new Set([origin, ySyncPluginKey]),
      // What others wrote into a paragraph that is taken back stays.
      deleteFilter: (item) => defaultDeleteFilter(item, defaultProtectedNodes),
      captureTransaction: (transaction) => transaction.meta.get("addToHistory") !== false,
    });
  }

  override destroy(): void {
    this.stopCapturing();
  }

  /** Only this ends it. */
  end(): void {
    super.destroy();
  }
}
