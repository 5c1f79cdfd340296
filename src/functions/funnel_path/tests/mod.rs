mod brute_force;
mod hand;
mod support;
