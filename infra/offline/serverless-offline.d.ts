/** The parts of serverless-offline 14 that we use; it has no types. */
declare module "serverless-offline/lambda" {
  /** One execution environment. */
  export type LambdaFunction = {
    setEvent(event: object): void;
    /** Rejects when the handler rejects, or when its time is over; then its worker thread has ended. */
    runHandler(): Promise<unknown>;
    /** Ends its worker thread; the next run starts another. */
    cleanup(): Promise<void>;
  };

  export default class Lambda {
    constructor(serverless: object, options: object);
    create(functions: { functionKey: string; functionDefinition: object }[]): void;
    /** An environment that is idle until runHandler is called, in the same tick. */
    get(functionKey: string): LambdaFunction;
    cleanup(): Promise<void>;
  }
}
