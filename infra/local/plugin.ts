/** The part of the framework's object that this plugin uses. */
type Serverless = {
  service: { getAllFunctions(): string[]; getFunction(key: string): { package?: unknown } };
};

/** Under serverless-offline the functions run from their sources, not from the zips of the last deployment. */
export default function fromSources({ service }: Serverless): object {
  return {
    hooks: {
      "before:offline:start:init": async () => {
        for (const key of service.getAllFunctions()) delete service.getFunction(key).package;
      },
    },
  };
}
