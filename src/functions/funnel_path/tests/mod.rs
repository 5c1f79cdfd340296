mod brute_force;
mod hand;
mod rule_sets;
mod support;
