//! What was bought: prices that make up the total planned for a day.

use super::calendar::Calendar;
use super::cases::a4;
use super::events::Events;
use super::parallel::for_each;
use super::random::{Purpose, Random};
use super::tally::Tally;
use super::visit::Event;
use super::world::{COUPON_FEN, Kind, PRODUCTS, product_price_fen};

/// A total is met once it is no further off.
const NEAR_FEN: i64 = 500;
/// Other goods are tried so many times a payment.
const TRIALS: usize = 60;

/// A product and how many pieces of it.
pub fn draw_order(random: &mut Random) -> (u16, u32) {
    let product = 1 + random.below(u32::from(PRODUCTS)) as u16;
    let pieces = if random.chance(0.2) {
        1 + random.below(3)
    } else {
        1
    };
    (product, pieces)
}

/// A payment among the events, and what else it might have been.
#[derive(Debug, Clone, Copy)]
struct Payment {
    event: usize,
    item: u16,
    amount_fen: u32,
    discount_fen: u32,
    /// For a cart filled on an earlier day.
    is_deferred: bool,
}

/// Exchanges what was paid for, so that each day comes to its total; who pays when stays. Payments of
/// earlier days' carts keep their part of it, so that the others alone show the same effect.
pub fn meet_totals(seed: u64, calendar: &Calendar, tallies: &[Tally], events: &mut Events) {
    let mut days = payments(calendar, events);
    let mut weights = a4::revenue_weights(seed, calendar, tallies);
    for (weight, payments) in weights.iter_mut().zip(&days) {
        if payments.is_empty() {
            *weight = 0.0;
        }
    }
    let paid = |payments: &[Payment]| payments.iter().map(|pay| f64::from(pay.amount_fen)).sum();
    let drawn_fen: f64 = days.iter().map(|payments| -> f64 { paid(payments) }).sum();
    let unit_fen = drawn_fen / weights.iter().sum::<f64>().max(1e-9);
    for_each(&mut days, |day, payments| {
        let mut random = Random::stream(seed, Purpose::Prices, day as u64);
        let each_fen = weights[day] * unit_fen / payments.len().max(1) as f64;
        payments.sort_by_key(|pay| pay.is_deferred);
        let same_day = payments.partition_point(|pay| !pay.is_deferred);
        let (at_once, deferred) = payments.split_at_mut(same_day);
        for part in [at_once, deferred] {
            let total_fen = (each_fen * part.len() as f64) as i64;
            meet(&mut random, part, total_fen);
        }
    });
    for payment in days.iter().flatten() {
        let event = &mut events.all[payment.event];
        (event.item, event.amount_fen) = (payment.item, payment.amount_fen);
    }
}

/// The payments of each day, in the order of the events.
fn payments(calendar: &Calendar, events: &Events) -> Vec<Vec<Payment>> {
    let mut days = vec![Vec::new(); calendar.days() as usize];
    let mut last_cart: Option<&Event> = None;
    for (index, event) in events.all.iter().enumerate() {
        if event.kind == Kind::AddToCart {
            last_cart = Some(event);
        }
        if event.kind != Kind::Pay {
            continue;
        }
        let day = calendar.day_of(event.time_ms);
        let has_cart = last_cart
            .is_some_and(|cart| cart.user == event.user && calendar.day_of(cart.time_ms) == day);
        let is_whole = event
            .amount_fen
            .is_multiple_of(product_price_fen(event.item));
        days[day as usize].push(Payment {
            event: index,
            item: event.item,
            amount_fen: event.amount_fen,
            discount_fen: if is_whole { 0 } else { COUPON_FEN },
            is_deferred: !has_cart,
        });
    }
    days
}

/// Exchanges goods wherever that brings the sum nearer, until it is near enough.
fn meet(random: &mut Random, payments: &mut [Payment], total_fen: i64) {
    let paid_fen: i64 = payments.iter().map(|pay| i64::from(pay.amount_fen)).sum();
    let mut gap_fen = total_fen - paid_fen;
    for _ in 0..payments.len() * TRIALS {
        if gap_fen.abs() <= NEAR_FEN {
            return;
        }
        let payment = &mut payments[random.below(payments.len() as u32) as usize];
        let (item, pieces) = draw_order(random);
        let amount_fen = product_price_fen(item) * pieces - payment.discount_fen;
        let left_fen = gap_fen - (i64::from(amount_fen) - i64::from(payment.amount_fen));
        if left_fen.abs() < gap_fen.abs() {
            (payment.item, payment.amount_fen, gap_fen) = (item, amount_fen, left_fen);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn totals_are_met_with_prices_of_the_list() {
        let mut random = Random::stream(1, Purpose::Prices, 0);
        let payment = |random: &mut Random| {
            let (item, pieces) = draw_order(random);
            Payment {
                event: 0,
                item,
                amount_fen: product_price_fen(item) * pieces - COUPON_FEN,
                discount_fen: COUPON_FEN,
                is_deferred: false,
            }
        };
        let mut payments: Vec<Payment> = (0..80).map(|_| payment(&mut random)).collect();
        for total_fen in [900_000, 1_700_000] {
            meet(&mut random, &mut payments, total_fen);
            let paid: i64 = payments.iter().map(|pay| i64::from(pay.amount_fen)).sum();
            assert!((paid - total_fen).abs() <= NEAR_FEN, "{paid} {total_fen}");
        }
        for pay in payments {
            assert_eq!(
                (pay.amount_fen + COUPON_FEN) % product_price_fen(pay.item),
                0
            );
        }
    }
}
