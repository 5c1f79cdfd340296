mod brute_force;
mod every_chain;
mod hand;
mod rule_sets;
mod support;
