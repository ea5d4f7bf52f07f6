import { serviceContent } from '../properties/service-properties.ts';
import type { OperationHandler } from '../server-context.ts';

export const serviceOperations: Readonly<Record<string, OperationHandler>> = {
  RetrieveServiceContent: (call) => serviceContent(call.server.model, call.server.about),
  CurrentTime: () => new Date(),
};
