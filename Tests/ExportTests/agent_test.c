/* Reads steps (first action reward observation…) from a file and prints the agent's action, Q-values and latent at each. */
#define MAMBA_DQN_IMPLEMENTATION
#include "agent.h"

int main(int count, char **arguments) {
  const char *problem = "usage: WEIGHTS STEPS";
  mdqn_agent *agent = count == 3 ? mdqn_open(arguments[1], &problem) : NULL;
  FILE *steps = agent ? fopen(arguments[2], "r") : NULL;
  if (!steps) {
    fprintf(stderr, "%s\n", problem);
    return 1;
  }
  int first, action;
  float reward, observation[64];
  while (fscanf(steps, "%d %d %f", &first, &action, &reward) == 3) {
    for (int i = 0; i < mdqn_observation_size(agent); i++)
      if (fscanf(steps, "%f", &observation[i]) != 1) return 2;
    if (first) mdqn_begin(agent, observation);
    else mdqn_observe(agent, observation, action, reward);
    printf("%d", mdqn_action(agent));
    for (int i = 0; i < mdqn_action_count(agent); i++) printf(" %.9g", mdqn_q(agent)[i]);
    for (int i = 0; i < mdqn_latent_size(agent); i++) printf(" %.9g", mdqn_latent(agent)[i]);
    printf("\n");
  }
  fclose(steps);
  mdqn_close(agent);
  return 0;
}
